/** One alert: its message, its timeline and its deliveries. */

import type { AlertDetail, Delivery } from "../../lib/api/types";
import { describeMeasured } from "../../lib/format/numbers";
import { formatElapsed } from "../../lib/format/times";
import { useLive } from "../../lib/polling/use-live";
import { linkTo } from "../../lib/route";
import { Badge } from "../../ui/badge";
import { Facts } from "../../ui/facts";
import { Panel } from "../../ui/panel";
import { Empty, When } from "../../ui/state";
import { Age, Time } from "../../ui/time";
import { Timeline } from "../../ui/timeline";
import { useMayAct } from "../../ui/use-may-act";
import { Acknowledge, SilenceAlert } from "./actions";
import { Reading } from "./alert-row";

export function AlertView({ id }: { id: string }) {
  const live = useLive<AlertDetail>(`/api/alerts/${encodeURIComponent(id)}`);
  return (
    <div class="stack">
      <p class="back">
        <a href={linkTo("alerts")}>← Alerts</a>
      </p>
      <When live={live}>
        {(alert) => (
          <>
            <About alert={alert} />
            <Panel title="Timeline">
              <Timeline entries={alert.timeline} />
            </Panel>
            <Panel title="Deliveries">
              <Deliveries deliveries={alert.deliveries} />
            </Panel>
          </>
        )}
      </When>
    </div>
  );
}

function About({ alert }: { alert: AlertDetail }) {
  const mayAct = useMayAct();
  const isFiring = alert.state === "firing";
  const labels = Object.entries(alert.labels).map(([name, value]) => `${name} ${value || "none"}`);
  return (
    <section class={`panel edge ${isFiring ? alert.level : "resolved"}`} aria-label="Alert">
      <h2 class="group-title">{alert.title}</h2>
      <p>
        <Badge word={isFiring ? alert.level : "resolved"}>
          {isFiring ? `${alert.level}, firing` : `resolved (${alert.level})`}
        </Badge>
      </p>
      <p>{alert.message}</p>
      <div class="buttons">
        <Reading alert={alert} />
        {mayAct && isFiring && !alert.acknowledged_by && <Acknowledge alert={alert} />}
        {mayAct && isFiring && <SilenceAlert alert={alert} />}
      </div>
      <Facts
        rows={[
          [
            "started",
            <>
              <Time at={alert.started_at} /> (<Age since={alert.started_at} /> ago)
            </>,
          ],
          ...(alert.resolved_at
            ? [
                [
                  "resolved",
                  <>
                    <Time at={alert.resolved_at} />, after {formatElapsed(alert.started_at, Date.parse(alert.resolved_at))}
                  </>,
                ] as [string, preact.JSX.Element],
              ]
            : []),
          ["value", describeMeasured(alert)],
          ["rule", <a href={linkTo("rules", { q: alert.rule_id })}>{alert.rule_id}</a>],
          ["labels", labels.join(", ") || "none"],
          ["acknowledged", alert.acknowledged_by ? `by ${alert.acknowledged_by}` : "no"],
          ...(alert.suppressed_by ? [["inhibited by", alert.suppressed_by] as [string, string]] : []),
        ]}
      />
    </section>
  );
}

const DELIVERY_KINDS: Record<string, string> = {
  "alert.firing": "firing",
  "alert.resolved": "resolved",
  "alert.acknowledged": "acknowledged",
  "alert.test": "test",
};

function Deliveries({ deliveries }: { deliveries: Delivery[] }) {
  if (deliveries.length === 0) return <Empty>No notifications were sent.</Empty>;
  return (
    <ul class="deliveries">
      {deliveries.map((delivery) => (
        <li key={delivery.message_id + delivery.channel + delivery.kind}>
          <Badge word={delivery.state} /> <b>{delivery.channel}</b> {DELIVERY_KINDS[delivery.kind] ?? delivery.kind}{" "}
          <span class="quiet">
            {delivery.sent_at ? (
              <Time at={delivery.sent_at} />
            ) : (
              <>
                due <Time at={delivery.created_at} />
              </>
            )}
            , {delivery.attempts} {delivery.attempts === 1 ? "attempt" : "attempts"}
          </span>
          {delivery.last_error && <p class="problem">{delivery.last_error}</p>}
        </li>
      ))}
    </ul>
  );
}
