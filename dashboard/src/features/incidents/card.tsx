/** One incident as a card: what happened, since when, whom it concerns, who is on it, and what to do. */

import type { ComponentChildren } from "preact";
import type { Incident, IncidentAlert } from "../../lib/api/types";
import { listImpact } from "../../lib/incidents";
import { linkTo } from "../../lib/route";
import { Badge } from "../../ui/badge";
import { Lasting, Time } from "../../ui/time";
import { useMayAct } from "../../ui/use-may-act";
import { SilenceIncident, TakeIncident } from "./actions";

interface IncidentCardProps {
  incident: Incident;
  /** As one line, where there is room for a line. */
  isBrief?: boolean;
  /** What loads later: its chart and the first steps. */
  children?: ComponentChildren;
}

/** As many of the alerts that follow are named at once. */
const NAMED = 2;

export function IncidentCard({ incident, isBrief = false, children }: IncidentCardProps) {
  const mayAct = useMayAct();
  const isOpen = incident.state === "open";
  const others = incident.alerts.filter(({ id }) => id !== incident.cause.id);
  return (
    <li
      class={`alert incident${isBrief ? " brief" : ""} ${isOpen ? incident.level : "resolved"}`}
      data-rule={incident.cause.rule_id}
    >
      <Badge word={isOpen ? incident.level : "resolved"} />
      <div class="alert-text">
        <a class="alert-title" href={linkTo(`incidents/${incident.id}`)}>
          {incident.sentence}
        </a>
        <p class="quiet">
          <Lasting span={incident} />
          {listImpact(incident).map((part) => (
            <span key={part}> · {part}</span>
          ))}
          {incident.changes[0] && (
            <>
              {" "}
              · before it: {incident.changes[0].title}
              {incident.changes.length > 1 && ` and ${incident.changes.length - 1} more`}
            </>
          )}
        </p>
        <Chips incident={incident} />
        {others.length > 0 && !isBrief && <Following alerts={others} count={incident.alert_count - 1} />}
      </div>
      <div class="buttons">
        <a href={linkTo(`runbooks/${incident.cause.rule_id}`)} aria-label={`Runbook: ${incident.title}`}>
          Runbook
        </a>
        {mayAct && isOpen && <SilenceIncident incident={incident} />}
        {mayAct && isOpen && !incident.owner && <TakeIncident incident={incident} />}
      </div>
      {children}
    </li>
  );
}

/** Who is on it, and who silenced it until when. */
export function Chips({ incident }: { incident: Incident }) {
  if (!incident.owner && !incident.silenced_until) return null;
  return (
    <p class="chips">
      {incident.owner && (
        <span class="chip">
          <bdi>{incident.owner}</bdi> is on it
        </span>
      )}
      {incident.silenced_until && (
        <span class="chip">
          silenced until <Time at={incident.silenced_until} />
          {incident.silenced_by && (
            <>
              {" "}
              by <bdi>{incident.silenced_by}</bdi>
            </>
          )}
        </span>
      )}
    </p>
  );
}

function Following({ alerts, count }: { alerts: IncidentAlert[]; count: number }) {
  const titles = [...new Set(alerts.map(({ title }) => title))];
  return (
    <details>
      <summary>
        {count === 1 ? "Follows" : "Follow"} from it: {titles.slice(0, NAMED).join(", ")}
        {count > Math.min(NAMED, titles.length) && ` and ${count - Math.min(NAMED, titles.length)} more`}
      </summary>
      <AlertLinks alerts={alerts} />
    </details>
  );
}

export function AlertLinks({ alerts }: { alerts: IncidentAlert[] }) {
  return (
    <ul class="following">
      {alerts.map((alert) => (
        <li key={alert.id}>
          <Badge word={alert.state === "firing" ? alert.level : "resolved"} />{" "}
          <a href={linkTo(`alerts/${alert.id}`)}>{alert.title}</a> <span class="quiet">{alert.message}</span>
        </li>
      ))}
    </ul>
  );
}
