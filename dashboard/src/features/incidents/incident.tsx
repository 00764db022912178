/** One incident: its cause and impact, what changed before it, its alerts, notes and timeline. */

import type { ComponentChildren } from "preact";
import type { IncidentDetail } from "../../lib/api/types";
import { toWords } from "../../lib/format/names";
import { describeMeasured, formatCompact } from "../../lib/format/numbers";
import { formatElapsed } from "../../lib/format/times";
import { findLevelNow } from "../../lib/incidents";
import { useLive } from "../../lib/polling/use-live";
import { linkTo } from "../../lib/route";
import { Badge } from "../../ui/badge";
import { Facts } from "../../ui/facts";
import { Figure, Reasons } from "../../ui/figure";
import { Panel } from "../../ui/panel";
import { Empty, When } from "../../ui/state";
import { Age, Time } from "../../ui/time";
import { Timeline } from "../../ui/timeline";
import { useMayAct } from "../../ui/use-may-act";
import { AddNote, ReleaseIncident, SilenceIncident, TakeIncident } from "./actions";
import { AlertLinks, Chips } from "./card";

/** children: what other features show of it. */
export function IncidentView({ id, children }: { id: string; children: ComponentChildren }) {
  const live = useLive<IncidentDetail>(`/api/incidents/${encodeURIComponent(id)}`);
  return (
    <div class="stack">
      <p class="back">
        <a href={linkTo("incidents")}>← Incidents</a>
      </p>
      <When live={live}>
        {(incident) => (
          <>
            <About incident={incident} />
            <Panel title="Alerts">
              <AlertLinks alerts={incident.alerts} />
              {incident.alert_count > incident.alerts.length && (
                <p class="quiet">and {incident.alert_count - incident.alerts.length} more</p>
              )}
            </Panel>
            <Panel title="What changed before it">
              <Changes incident={incident} />
            </Panel>
            {children}
            <Panel title="Notes">
              <Notes incident={incident} />
            </Panel>
            <Panel title="Timeline">
              <Timeline entries={incident.timeline} />
            </Panel>
          </>
        )}
      </When>
    </div>
  );
}

function About({ incident }: { incident: IncidentDetail }) {
  const mayAct = useMayAct();
  const isOpen = incident.state === "open";
  const now = findLevelNow(incident);
  const figure = (name: keyof IncidentDetail["impact"]) => (
    <Figure value={incident.impact[name]} path={`impact.${name}`} unknown={incident.unknown} show={formatCompact} />
  );
  return (
    <section class={`panel edge ${isOpen ? now : "resolved"}`} aria-label="Incident">
      <h2 class="group-title">{incident.sentence}</h2>
      <p>
        <Badge word={isOpen ? now : "resolved"}>{isOpen ? `${now}, open` : `resolved (${incident.level})`}</Badge>
        {isOpen && now !== incident.level && <span class="quiet"> {incident.level} before</span>}
      </p>
      <Chips incident={incident} />
      <div class="buttons">
        <a href={linkTo(`runbooks/${incident.cause.rule_id}`)}>Runbook</a>
        {mayAct && isOpen && <SilenceIncident incident={incident} />}
        {mayAct && <AddNote incident={incident} />}
        {mayAct && isOpen && incident.owner && <ReleaseIncident incident={incident} />}
        {mayAct && isOpen && !incident.owner && <TakeIncident incident={incident} />}
      </div>
      <Facts
        rows={[
          [
            "since",
            <>
              <Time at={incident.started_at} />
              {incident.resolved_at === null ? (
                <>
                  {" "}
                  (<Age since={incident.started_at} /> ago)
                </>
              ) : (
                <>
                  {" "}
                  until <Time at={incident.resolved_at} />, {formatElapsed(incident.started_at, Date.parse(incident.resolved_at))}
                </>
              )}
            </>,
          ],
          [
            "cause",
            <>
              <a href={linkTo(`alerts/${incident.cause.id}`)}>{incident.cause.title}</a>
              {incident.cause.unit !== "yes" && `, ${describeMeasured(incident.cause)}`}
            </>,
          ],
          ["calls waiting at once, at most", figure("calls")],
          ["agencies", figure("agencies")],
          ["users", figure("users")],
          ["errors", figure("errors")],
        ]}
      />
      <Reasons unknown={incident.unknown} under={["impact"]} />
    </section>
  );
}

function Changes({ incident }: { incident: IncidentDetail }) {
  if (incident.changes.length === 0) return <Empty>Nothing that is recorded changed in the hour before.</Empty>;
  return (
    <ul class="following">
      {incident.changes.map((change) => (
        <li key={change.at + change.title}>
          <Time at={change.at} /> <b>{toWords(change.kind)}</b> {change.title}
        </li>
      ))}
    </ul>
  );
}

function Notes({ incident }: { incident: IncidentDetail }) {
  if (incident.notes.length === 0) return <Empty>No notes.</Empty>;
  return (
    <ul class="following">
      {incident.notes.map((note) => (
        <li key={note.at}>
          <Time at={note.at} /> <bdi>{note.actor}</bdi>
          <p>{note.note}</p>
        </li>
      ))}
    </ul>
  );
}
