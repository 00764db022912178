/** What is wrong now: the open incidents, and what to do about them. */

import type { Incident } from "../../lib/api/types";
import { sortIncidents } from "../../lib/incidents";
import { linkTo } from "../../lib/route";
import { Panel } from "../../ui/panel";
import { IncidentCard } from "./card";

const AT_ONCE = 8;

interface OpenIncidentsProps {
  /** The worst of the open incidents. */
  incidents: Incident[];
  /** How many are open in all. */
  count: number;
  /** How many stand there at most; a link leads to the others. */
  most?: number;
}

export function OpenIncidents({ incidents, count, most = AT_ONCE }: OpenIncidentsProps) {
  return (
    <Panel title="What is wrong now" kind="wide" aside={<a href={linkTo("incidents")}>All incidents</a>}>
      <Cards incidents={sortIncidents(incidents)} count={count} most={most} />
    </Panel>
  );
}

function Cards({ incidents, count, most }: Required<OpenIncidentsProps>) {
  if (incidents.length === 0) {
    return (
      <p class="calm">
        <span aria-hidden="true">✓ </span>No incident is open.
      </p>
    );
  }
  const serious = incidents.filter(({ level }) => level !== "info");
  const infos = incidents.filter(({ level }) => level === "info");
  return (
    <>
      <ul class="alerts">
        {serious.slice(0, most).map((incident) => (
          <IncidentCard key={incident.id} incident={incident} />
        ))}
        {(serious.length > most || count > incidents.length) && (
          <li class="others">
            <a href={linkTo("incidents", { state: "open" })}>All {count} open incidents</a>
          </li>
        )}
      </ul>
      {infos.length > 0 && (
        <details class="others">
          <summary>
            {infos.length} for information: {infos[0]?.title}
            {infos.length > 1 && `, and ${infos.length - 1} more`}
          </summary>
          <ul class="alerts">
            {infos.map((incident) => (
              <IncidentCard key={incident.id} incident={incident} />
            ))}
          </ul>
        </details>
      )}
    </>
  );
}
