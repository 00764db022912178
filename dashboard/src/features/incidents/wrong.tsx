/** What is wrong now: the open incidents, and what to do about them. */

import type { Incident, IncidentPage } from "../../lib/api/types";
import { sortIncidents } from "../../lib/incidents";
import type { Live } from "../../lib/polling/use-live";
import { linkTo } from "../../lib/route";
import { Panel } from "../../ui/panel";
import { When } from "../../ui/state";
import { IncidentCard } from "./card";

const AT_ONCE = 8;

export function OpenIncidents({ live }: { live: Live<IncidentPage> }) {
  return (
    <Panel title="What is wrong now" kind="wide" aside={<a href={linkTo("incidents")}>All incidents</a>}>
      <When live={live}>
        {({ items, next_cursor }) => <Cards incidents={sortIncidents(items)} hasMore={next_cursor !== null} />}
      </When>
    </Panel>
  );
}

function Cards({ incidents, hasMore }: { incidents: Incident[]; hasMore: boolean }) {
  if (incidents.length === 0) {
    return (
      <p class="calm">
        <span aria-hidden="true">✓ </span>No incident is open.
      </p>
    );
  }
  const serious = incidents.filter(({ level }) => level !== "info");
  const infos = incidents.filter(({ level }) => level === "info");
  const count = `${incidents.length}${hasMore ? "+" : ""}`;
  return (
    <>
      <ul class="alerts">
        {serious.slice(0, AT_ONCE).map((incident) => (
          <IncidentCard key={incident.id} incident={incident} />
        ))}
        {(serious.length > AT_ONCE || hasMore) && (
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
