/** What is wrong now: the firing alerts, and what to do about them. */

import type { Alert, AlertPage, Status } from "../api-types";
import { ask } from "../api";
import { number } from "../format";
import { useLive } from "../poll";
import { to } from "../route";
import { Action } from "../ui/dialog";
import { Age, Badge, Panel } from "../ui/basics";
import { useMayAct } from "../ui/caller";
import { Duration, endOf } from "../ui/duration";
import { When } from "../ui/state";

const ORDER = ["critical", "error", "warning", "info"];
const AT_ONCE = 8;
export const FIRING = "/api/alerts?state=firing&limit=200";

export function Wrong({ status }: { status?: Status }) {
  const live = useLive<AlertPage>(FIRING);
  // Without its database the API has no list; then the status itself says what is wrong. Else the list stays, and forms in it.
  const isBlind = status && live.error !== null && (live.data === undefined || live.error.status === 503);
  return (
    <Panel title="What is wrong now" kind="wide" aside={<a href={to("alerts")}>All alerts</a>}>
      {isBlind ? (
        <Issues status={status} why={live.error?.message} />
      ) : (
        <When live={live}>{(page) => <Firing alerts={page.items} hasMore={page.next_cursor !== null} />}</When>
      )}
    </Panel>
  );
}

function Firing({ alerts, hasMore }: { alerts: Alert[]; hasMore: boolean }) {
  if (alerts.length === 0) {
    return (
      <p class="calm">
        <span aria-hidden="true">✓ </span>No alert fires.
      </p>
    );
  }
  const sorted = [...alerts].sort((a, b) => rank(a) - rank(b) || a.started_at.localeCompare(b.started_at));
  const byRule = new Map<string, Alert[]>();
  for (const alert of sorted) byRule.set(alert.rule_id, [...(byRule.get(alert.rule_id) ?? []), alert]);
  const rules = [...byRule.values()];
  return (
    <ul class="alerts">
      {rules
        .slice(0, AT_ONCE)
        .flatMap(([first, ...others]) =>
          first ? [<AlertRow key={first.id} alert={first} />, <Others key={`${first.rule_id} others`} alerts={others} />] : [],
        )}
      {(rules.length > AT_ONCE || hasMore) && (
        <li class="others">
          <a href={to("alerts", { state: "firing" })}>
            {hasMore ? `More than the latest ${alerts.length} alerts fire` : `All ${alerts.length} firing alerts`}
          </a>
        </li>
      )}
    </ul>
  );
}

/** More alerts of the same rule fold away: one cause is read once. */
function Others({ alerts }: { alerts: Alert[] }) {
  const [first] = alerts;
  if (!first) return null;
  return (
    <li class="others">
      <details>
        <summary>
          {alerts.length} more of {first.title}
        </summary>
        <ul class="alerts">
          {alerts.map((alert) => (
            <AlertRow key={alert.id} alert={alert} />
          ))}
        </ul>
      </details>
    </li>
  );
}

/** Somebody's alerts and those that follow from another one stand below. */
function rank(alert: Alert): number {
  return ORDER.indexOf(alert.level) + (alert.suppressed_by ? 20 : 0) + (alert.acknowledged_by ? 10 : 0);
}

export function AlertRow({ alert }: { alert: Alert }) {
  const mayAct = useMayAct();
  const isFiring = alert.state === "firing";
  return (
    <li class={`alert ${isFiring ? alert.level : "resolved"}`} data-rule={alert.rule_id}>
      <Badge word={isFiring ? alert.level : "resolved"} />
      <div class="alert-text">
        <a class="alert-title" href={to(`alerts/${alert.id}`)}>
          {alert.title}
        </a>
        {about(alert) && <span class="alert-about"> · {about(alert)}</span>}
        <p>{alert.message}</p>
        <p class="quiet">
          {isFiring ? "for " : "began "}
          <Age since={alert.started_at} />
          {!isFiring && " ago"}
          {!/measured/i.test(alert.message) && (
            <>
              {" "}
              · <Measured alert={alert} />
            </>
          )}
          {alert.acknowledged_by && <> · acknowledged by <bdi>{alert.acknowledged_by}</bdi></>}
          {alert.suppressed_by && <> · follows from {alert.suppressed_by}, not notified</>}
        </p>
      </div>
      <div class="buttons">
        <Reading alert={alert} />
        {mayAct && isFiring && !alert.acknowledged_by && <Acknowledge alert={alert} />}
        {mayAct && isFiring && <SilenceAlert alert={alert} />}
      </div>
    </li>
  );
}

/** Where to read on. */
export function Reading({ alert }: { alert: Alert }) {
  return (
    <>
      {alert.labels.group && <a href={to(`errors/${encodeURIComponent(alert.labels.group)}`)}>Error group</a>}
      <a href={to(`runbooks/${alert.rule_id}`)}>Runbook</a>
    </>
  );
}

/** What the alert is about, where one rule watches many things. */
function about(alert: Alert): string {
  const named = Object.entries(alert.labels).filter(([name, value]) => name !== "group" && value);
  return named.map(([, value]) => value).join(", ");
}

export function Measured({ alert }: { alert: Alert }) {
  return (
    <>
      measured {alert.value === null ? "unknown" : number(alert.value)}
      {alert.threshold !== null && <>, threshold {number(alert.threshold)}</>}
    </>
  );
}

export function Acknowledge({ alert }: { alert: Alert }) {
  const act = (reason: string) => ask(`/api/alerts/${encodeURIComponent(alert.id)}/acknowledge`, "POST", { reason });
  return <Action label="Acknowledge" title={`Acknowledge: ${alert.title}`} act={act} />;
}

export function SilenceAlert({ alert }: { alert: Alert }) {
  const act = (reason: string, form: FormData) => {
    const matchers = { rule_id: alert.rule_id, ...(Object.keys(alert.labels).length ? { labels: alert.labels } : {}) };
    return ask("/api/silences", "POST", { matchers, reason, ends_at: endOf(form) });
  };
  return <Action label="Silence" title={`Silence: ${alert.title}`} fields={<Duration />} act={act} />;
}

function Issues({ status, why }: { status: Status; why: string | undefined }) {
  return (
    <>
      <p class="problem">
        <span aria-hidden="true">▲ </span>
        {why}; this is what the status says
        {status.issues.length === 0 && ": no alert fires"}
      </p>
      <ul class="alerts">
        {status.issues.map((issue) => (
          <li key={issue.rule_id + issue.message} class={`alert ${issue.type}`} data-rule={issue.rule_id}>
            <Badge word={issue.type} />
            <div class="alert-text">
              <p>{issue.message}</p>
              <p class="quiet">
                for <Age since={issue.since} />
              </p>
            </div>
            <div class="buttons">
              <a href={to(`runbooks/${issue.rule_id}`)}>Runbook</a>
            </div>
          </li>
        ))}
      </ul>
    </>
  );
}
