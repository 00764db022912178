/** One alert in a list: what is wrong, since when, the measured value, and what to do. */

import type { Alert } from "../../lib/api/types";
import { linkTo } from "../../lib/route";
import { Badge } from "../../ui/badge";
import { Lasting } from "../../ui/time";
import { useMayAct } from "../../ui/use-may-act";
import { Acknowledge, SilenceAlert } from "./actions";

export function AlertRow({ alert }: { alert: Alert }) {
  const mayAct = useMayAct();
  const isFiring = alert.state === "firing";
  return (
    <li class={`alert ${isFiring ? alert.level : "resolved"}`} data-rule={alert.rule_id}>
      <Badge word={isFiring ? alert.level : "resolved"} />
      <div class="alert-text">
        <a class="alert-title" href={linkTo(`alerts/${alert.id}`)}>
          {alert.title}
        </a>
        {describeInstance(alert) && <span class="alert-about"> · {describeInstance(alert)}</span>}
        <p>{alert.message}</p>
        <p class="quiet">
          <Lasting span={alert} />
          {alert.acknowledged_by && (
            <>
              {" "}
              · acknowledged by <bdi>{alert.acknowledged_by}</bdi>
            </>
          )}
          {alert.suppressed_by && <> · inhibited by {alert.suppressed_by}, no notification</>}
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

/** Links to further reading. */
export function Reading({ alert }: { alert: Alert }) {
  return (
    <>
      {alert.labels.group && <a href={linkTo(`errors/${encodeURIComponent(alert.labels.group)}`)}>Error group</a>}
      <a href={linkTo(`runbooks/${alert.rule_id}`)}>Runbook</a>
    </>
  );
}

/** What the alert is about, where one rule covers many instances. */
function describeInstance(alert: Alert): string {
  const named = Object.entries(alert.labels).filter(([name, value]) => name !== "group" && value);
  return named.map(([, value]) => value).join(", ");
}
