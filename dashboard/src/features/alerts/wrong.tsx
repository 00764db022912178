/** What is wrong now: the firing alerts, and what to do about them. */

import type { Alert, Issue } from "../../lib/api/types";
import { sortFiring, useFiring } from "../../lib/firing";
import { linkTo } from "../../lib/route";
import { Badge } from "../../ui/badge";
import { Panel } from "../../ui/panel";
import { When } from "../../ui/state";
import { Age } from "../../ui/time";
import { AlertRow } from "./alert-row";

const AT_ONCE = 8;

/** Without the overview: the alerts have a response of their own. */
export function FiringAlerts() {
  const live = useFiring();
  return (
    <Panel title="What is wrong now" kind="wide" aside={<a href={linkTo("alerts")}>All alerts</a>}>
      <When live={live}>{(page) => <Firing alerts={page.items} hasMore={page.next_cursor !== null} />}</When>
    </Panel>
  );
}

/** Without its database the API has no incidents; then the issues of the status stand in. */
export function Issues({ issues, why }: { issues: Issue[] | null; why: string }) {
  return (
    <Panel title="What is wrong now" kind="wide" aside={<a href={linkTo("alerts")}>All alerts</a>}>
      <p class="problem">
        <span aria-hidden="true">▲ </span>
        {why}; {issues === null ? "what is wrong is unknown" : "showing the issues of the status instead"}
        {issues?.length === 0 && ": none"}
      </p>
      <ul class="alerts">
        {(issues ?? []).map((issue) => (
          <IssueRow key={issue.rule_id + issue.message} issue={issue} />
        ))}
      </ul>
    </Panel>
  );
}

function IssueRow({ issue }: { issue: Issue }) {
  return (
    <li class={`alert ${issue.level}`} data-rule={issue.rule_id}>
      <Badge word={issue.level} />
      <div class="alert-text">
        <p>{issue.message}</p>
        <p class="quiet">
          for <Age since={issue.since} />
        </p>
      </div>
      <div class="buttons">
        <a href={linkTo(`runbooks/${issue.rule_id}`)}>Runbook</a>
      </div>
    </li>
  );
}

function Firing({ alerts, hasMore }: { alerts: Alert[]; hasMore: boolean }) {
  if (alerts.length === 0) {
    return (
      <p class="calm">
        <span aria-hidden="true">✓ </span>No alerts are firing.
      </p>
    );
  }
  const byRule = new Map<string, Alert[]>();
  for (const alert of sortFiring(alerts)) byRule.set(alert.rule_id, [...(byRule.get(alert.rule_id) ?? []), alert]);
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
          <a href={linkTo("alerts", { state: "firing" })}>
            {hasMore ? `More than ${alerts.length} alerts are firing` : `All ${alerts.length} firing alerts`}
          </a>
        </li>
      )}
    </ul>
  );
}

/** Further alerts of the same rule are folded. */
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
