/** Errors: how many, of which severity over time, and the top groups. */

import type { Marker } from "../../charts/history";
import { Charts } from "../../charts/panel";
import { Sparkline } from "../../charts/sparkline";
import type { ErrorCounts, ErrorGroup, ErrorGroupPage, Series, Unknown } from "../../lib/api/types";
import { formatNumber } from "../../lib/format/numbers";
import { useSlow } from "../../lib/polling/use-live";
import { linkTo } from "../../lib/route";
import { Badge } from "../../ui/badge";
import { Tile } from "../../ui/facts";
import { Figure, Reasons } from "../../ui/figure";
import { Panel } from "../../ui/panel";
import { Empty } from "../../ui/state";
import { Age } from "../../ui/time";

const SEVERITIES = ["critical", "high", "medium", "low"];
export function getSeverity(series: Series): string {
  return series.labels.severity ?? series.name;
}

interface ErrorsProps {
  summary: ErrorCounts | undefined;
  groups: ErrorGroup[] | null;
  unknown: Record<string, Unknown>;
}

export function Errors({ summary, groups, unknown }: ErrorsProps) {
  const latest = useSlow<ErrorGroupPage>("/api/errors?limit=100");
  return (
    <Panel
      title="Errors"
      kind="wide"
      aside={
        <span class="buttons">
          <a href={linkTo("errors", { began: "10m" })}>New in 10 min</a> <a href={linkTo("errors")}>All error groups</a>
        </span>
      }
    >
      {summary && (
        <>
          <dl class="tiles">
            <Tile name="last hour">
              <Figure value={summary.total_1h} path="errors.summary.total_1h" unknown={unknown} />
            </Tile>
            <Tile name="24 hours">
              <Figure value={summary.total_24h} path="errors.summary.total_24h" unknown={unknown} />
            </Tile>
            <Tile name="critical, 24 h" kind={(summary.critical ?? 0) > 0 ? "bad" : ""}>
              <Figure value={summary.critical} path="errors.summary.critical" unknown={unknown} />
            </Tile>
            <Tile name="open groups">
              <Figure value={summary.unresolved} path="errors.summary.unresolved" unknown={unknown} />
            </Tile>
            <Tile name="not yet stored">
              <Figure value={summary.buffer_size} path="errors.summary.buffer_size" unknown={unknown} />
            </Tile>
          </dl>
          <Reasons unknown={unknown} under={["errors.summary"]} />
        </>
      )}
      {!summary && <Reasons unknown={unknown} under={["errors"]} />}
      <div class="columns halves">
        <Charts
          metric="errors"
          releases={listReleases(latest.data)}
          wanted={[
            {
              title: "Errors by severity",
              kind: "stack",
              take: (series) => SEVERITIES.includes(getSeverity(series)),
              order: (series) => SEVERITIES.indexOf(getSeverity(series)),
            },
          ]}
        />
        <div>
          <h3>Open groups of the last 24 hours</h3>
          {groups ? <TopGroups groups={groups} /> : <Reasons unknown={unknown} under={["error_groups"]} />}
        </div>
      </div>
    </Panel>
  );
}

/** The most severe first, then the last seen. */
function TopGroups({ groups }: { groups: ErrorGroup[] }) {
  if (groups.length === 0)
    return (
      <Empty>
        No open error group occurred. <a href={linkTo("ingest")}>Connect a client</a>
      </Empty>
    );
  return (
    <ol class="groups">
      {groups.map((group) => {
        const today = group.trend.reduce((sum, count) => sum + count, 0);
        return (
          <li key={group.id} class="group">
            <a href={linkTo(`errors/${group.id}`)}>{group.title}</a>
            <p class="quiet">
              <Badge word={group.state} /> <Badge word={group.severity} /> {formatNumber(today)} in 24 h ·{" "}
              <Age since={group.last_seen_at} /> ago
            </p>
            <Sparkline kind="bars" values={group.trend} name={`${today} occurrences in 24 hours, by hour`} />
          </li>
        );
      })}
    </ol>
  );
}

/** A release is marked where its first error group was first seen. */
export function listReleases(page: ErrorGroupPage | undefined): Marker[] {
  const first = new Map<string, number>();
  for (const { release, first_seen_at } of page?.items ?? []) {
    if (!release) continue;
    const at = Date.parse(first_seen_at) / 1000;
    first.set(release, Math.min(first.get(release) ?? at, at));
  }
  return [...first].map(([release, at]) => ({ at, kind: "release", name: `release ${release}` }));
}
