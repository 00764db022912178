/** One alert: what it says, what happened to it, who was told. */

import type { AlertDetail, Delivery } from "../api-types";
import { elapsed, words } from "../format";
import { Acknowledge, Measured, Reading, SilenceAlert } from "../overview/wrong";
import { useLive } from "../poll";
import { to } from "../route";
import { Age, Badge, Facts, Panel, Time } from "../ui/basics";
import { useMayAct } from "../ui/caller";
import { Empty, When } from "../ui/state";

export function AlertView({ id }: { id: string }) {
  const live = useLive<AlertDetail>(`/api/alerts/${encodeURIComponent(id)}`);
  return (
    <div class="stack">
      <p class="back">
        <a href={to("alerts")}>← Alerts</a>
      </p>
      <When live={live}>
        {(alert) => (
          <>
            <About alert={alert} />
            <Panel title="Timeline">
              <ol class="timeline">
                {alert.timeline.map((entry) => (
                  <li key={entry.at + entry.kind}>
                    <Time at={entry.at} /> <b>{words(entry.kind)}</b> by {entry.actor}
                    {entry.details && <p class="quiet">{entry.details}</p>}
                  </li>
                ))}
              </ol>
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
            "began",
            <>
              <Time at={alert.started_at} /> (<Age since={alert.started_at} /> ago)
            </>,
          ],
          ...(alert.resolved_at
            ? [
                [
                  "resolved",
                  <>
                    <Time at={alert.resolved_at} />, after {elapsed(alert.started_at, Date.parse(alert.resolved_at))}
                  </>,
                ] as [string, preact.JSX.Element],
              ]
            : []),
          ["figures", <Measured alert={alert} />],
          ["rule", <a href={to("rules", { q: alert.rule_id })}>{alert.rule_id}</a>],
          ["about", labels.join(", ") || "the whole"],
          ["acknowledged", alert.acknowledged_by ? `by ${alert.acknowledged_by}` : "by nobody"],
          ...(alert.suppressed_by ? [["follows from", alert.suppressed_by] as [string, string]] : []),
        ]}
      />
    </section>
  );
}

function Deliveries({ deliveries }: { deliveries: Delivery[] }) {
  if (deliveries.length === 0) return <Empty>Nobody was told.</Empty>;
  return (
    <ul class="deliveries">
      {deliveries.map((delivery) => (
        <li key={delivery.message_id + delivery.channel + delivery.kind}>
          <Badge word={delivery.state} /> <b>{delivery.channel}</b> {words(delivery.kind.replace("alert.", ""))}{" "}
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
