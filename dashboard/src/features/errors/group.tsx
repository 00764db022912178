/** One error group: what it is, how often it occurs, since when, and the actions taken on it. */

import { Sparkline } from "../../charts/sparkline";
import { request } from "../../lib/api/client";
import type { ErrorGroupDetail } from "../../lib/api/types";
import { formatNumber } from "../../lib/format/numbers";
import { useLive } from "../../lib/polling/use-live";
import { linkTo } from "../../lib/route";
import { Badge } from "../../ui/badge";
import { Facts } from "../../ui/facts";
import { Panel } from "../../ui/panel";
import { Empty, When } from "../../ui/state";
import { Age, Time } from "../../ui/time";
import { Timeline } from "../../ui/timeline";
import { useMayAct } from "../../ui/use-may-act";
import { type Act, Assign, actOnGroup, Comment, Delete, Ignore, Merge, Reopen, Resolve } from "./group-actions";
import { Occurrences } from "./occurrences";

export function Group({ id }: { id: string }) {
  const live = useLive<ErrorGroupDetail>(`/api/errors/${encodeURIComponent(id)}`);
  return (
    <div class="stack">
      <p class="back">
        <a href={linkTo("errors")}>← Error groups</a>
      </p>
      <When live={live}>
        {(group) => (
          <>
            <About group={group} />
            <Occurrences group={group} />
            <Releases group={group} />
            <History group={group} />
          </>
        )}
      </When>
    </div>
  );
}

function About({ group }: { group: ErrorGroupDetail }) {
  const today = group.trend.reduce((sum, count) => sum + count, 0);
  return (
    <section class="panel" aria-label="Error group">
      <h2 class="group-title">
        {group.type && <span class="quiet">{group.type} </span>}
        {group.message}
      </h2>
      <p>
        <Badge word={group.state} /> <Badge word={group.severity} /> <span class="quiet">{group.category}</span>
      </p>
      <Actions group={group} />
      <div class="columns">
        <Facts
          rows={[
            [
              "occurrences",
              group.sampled_occurrences
                ? `${formatNumber(group.count)} (${formatNumber(group.sampled_occurrences)} without details)`
                : formatNumber(group.count),
            ],
            ["users", group.users === null ? "unknown" : formatNumber(group.users)],
            ["first seen", <Time at={group.first_seen_at} />],
            [
              "last seen",
              <>
                <Time at={group.last_seen_at} /> (<Age since={group.last_seen_at} /> ago)
              </>,
            ],
          ]}
        />
        <Facts
          rows={[
            ["environment", group.environment],
            ["owner", group.assigned_to ?? "nobody"],
            ["introduced in release", group.first_release ?? "not set"],
            ["last release", group.release ?? "not set"],
            ["endpoint", group.endpoint ?? "not set"],
            ...(group.resolved_in_release ? [["resolved in", group.resolved_in_release] as [string, string]] : []),
          ]}
        />
        <div>
          <h3>24 hours: {formatNumber(today)}</h3>
          <Sparkline
            kind="bars"
            values={group.trend}
            name={`Occurrences by hour, 24 hours, oldest first: ${group.trend.join(", ")}`}
          />
          <p class="trend-axis quiet">
            <span>24 h ago</span>
            <span>highest hour: {formatNumber(Math.max(0, ...group.trend))}</span>
            <span>now</span>
          </p>
        </div>
      </div>
    </section>
  );
}

function Actions({ group }: { group: ErrorGroupDetail }) {
  if (!useMayAct()) return null;
  const given = { act: actOnGroup(group.id), about: "this group" };
  const isOpen = group.state !== "resolved" && group.state !== "ignored";
  const remove: Act = async (_action, { reason }: { reason?: string }) => {
    await request(`/api/errors/${encodeURIComponent(group.id)}?${new URLSearchParams({ reason: reason ?? "" })}`, "DELETE");
    location.hash = linkTo("errors");
  };
  return (
    <div class="buttons">
      {group.state !== "resolved" && <Resolve {...given} />}
      {group.state !== "ignored" && <Ignore {...given} />}
      {!isOpen && <Reopen {...given} />}
      <Assign {...given} />
      <Comment {...given} />
      <Merge {...given} />
      <Delete act={remove} about="this group" />
    </div>
  );
}

/** Releases and tags of its occurrences. */
function Releases({ group }: { group: ErrorGroupDetail }) {
  if (group.releases.length === 0 && group.tags.length === 0) return null;
  return (
    <Panel title="Releases and tags">
      <ul class="timeline">
        {group.releases.map((release) => (
          <li key={release.release}>
            <a href={linkTo("errors", { release: release.release })}>{release.release}</a>{" "}
            <span class="quiet">
              {formatNumber(release.count)}, first <Time at={release.first_seen_at} />, last <Time at={release.last_seen_at} />
            </span>
          </li>
        ))}
      </ul>
      <ul class="tags">
        {group.tags.map((tag) => (
          <li key={tag}>
            <a href={linkTo("errors", { tag })}>{tag}</a>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function History({ group }: { group: ErrorGroupDetail }) {
  return (
    <Panel title="History">
      {group.history.length === 0 && <Empty>No actions yet.</Empty>}
      <Timeline
        entries={group.history.map(({ action, reason, details, ...entry }) => ({
          ...entry,
          kind: action,
          details: [details, reason].filter(Boolean).join(": "),
        }))}
      />
    </Panel>
  );
}
