/** Errors: how many, of which severity over time, and the top groups. */

import type { Marker } from "../../charts/history";
import { Charts } from "../../charts/panel";
import { Sparkline } from "../../charts/sparkline";
import { request } from "../../lib/api/client";
import type { ErrorGroup, ErrorGroupPage, ErrorMetrics, Series } from "../../lib/api/types";
import { formatNumber } from "../../lib/format/numbers";
import { useLive } from "../../lib/polling/use-live";
import { linkTo } from "../../lib/route";
import { Badge } from "../../ui/badge";
import { Tile } from "../../ui/facts";
import { Figure, Reasons } from "../../ui/figure";
import { Panel } from "../../ui/panel";
import { Empty, When } from "../../ui/state";
import { Age } from "../../ui/time";

const SEVERITIES = ["critical", "high", "medium", "low"];
const SHOWN = 8;
const OPEN = ["new", "regressed", "unresolved"];
const LATEST = "/api/errors?limit=100";

interface Groups {
  latest: ErrorGroupPage;
  open: ErrorGroup[];
}

/** The latest groups and the open ones. Where one page does not hold all groups, one request per open state. */
async function loadGroups(): Promise<Groups> {
  const latest = await request<ErrorGroupPage>(LATEST);
  const pages = latest.next_cursor
    ? await Promise.all(OPEN.map((state) => request<ErrorGroupPage>(`${LATEST}&state=${state}`)))
    : [latest];
  return { latest, open: pages.flatMap((page) => page.items).filter((group) => OPEN.includes(group.state)) };
}

export function getSeverity(series: Series): string {
  return series.labels.severity ?? series.name;
}

export function Errors() {
  const metrics = useLive<ErrorMetrics>("/api/metrics/errors");
  const groups = useLive<Groups>(`${LATEST}#top`, loadGroups);
  return (
    <Panel title="Errors" kind="wide" aside={<a href={linkTo("errors")}>All error groups</a>}>
      <When live={metrics}>
        {({ summary, unknown }) => (
          <>
            <dl class="tiles">
              <Tile name="last hour">
                <Figure value={summary.total_1h} path="summary.total_1h" unknown={unknown} />
              </Tile>
              <Tile name="24 hours">
                <Figure value={summary.total_24h} path="summary.total_24h" unknown={unknown} />
              </Tile>
              <Tile name="critical, 24 h" kind={(summary.critical ?? 0) > 0 ? "bad" : ""}>
                <Figure value={summary.critical} path="summary.critical" unknown={unknown} />
              </Tile>
              <Tile name="open groups">
                <Figure value={summary.unresolved} path="summary.unresolved" unknown={unknown} />
              </Tile>
              <Tile name="not yet stored">
                <Figure value={summary.buffer_size} path="summary.buffer_size" unknown={unknown} />
              </Tile>
            </dl>
            <Reasons unknown={unknown} under={["summary"]} />
          </>
        )}
      </When>
      <div class="columns halves">
        <Charts
          metric="errors"
          releases={listReleases(groups.data?.latest)}
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
          <h3>Top groups</h3>
          <When live={groups}>{({ open }) => <TopGroups groups={open} />}</When>
        </div>
      </div>
    </Panel>
  );
}

/** New and regressed groups first, then by how often they occurred in 24 hours. */
function TopGroups({ groups }: { groups: ErrorGroup[] }) {
  const open = groups
    .map((group) => ({ ...group, today: group.trend.reduce((sum, count) => sum + count, 0) }))
    .sort((a, b) => rankState(a.state) - rankState(b.state) || b.today - a.today)
    .slice(0, SHOWN);
  if (open.length === 0) return <Empty>No open error groups.</Empty>;
  return (
    <ol class="groups">
      {open.map((group) => (
        <li key={group.id} class="group">
          <a href={linkTo(`errors/${group.id}`)}>{group.title}</a>
          <p class="quiet">
            <Badge word={group.state} /> <Badge word={group.severity} /> {formatNumber(group.today)} in 24 h ·{" "}
            <Age since={group.last_seen_at} /> ago
          </p>
          <Sparkline kind="bars" values={group.trend} name={`${group.today} occurrences in 24 hours, by hour`} />
        </li>
      ))}
    </ol>
  );
}

function rankState(state: string): number {
  return state === "regressed" ? 0 : state === "new" ? 1 : 2;
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
