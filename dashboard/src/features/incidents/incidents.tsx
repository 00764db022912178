/** All incidents: the open ones, the worst first; then the history. */

import type { Incident } from "../../lib/api/types";
import { sortIncidents } from "../../lib/incidents";
import { usePages } from "../../lib/polling/pages";
import { useRoute } from "../../lib/route";
import { addFilters, Choice, Search } from "../../ui/filters";
import { Paged } from "../../ui/paged";
import { Panel } from "../../ui/panel";
import { IncidentCard } from "./card";

export function Incidents() {
  const { params } = useRoute();
  const state = params.get("state");
  return (
    <Panel title="Incidents" kind="wide">
      <div class="filters">
        <Choice name="state" label="State" choices={["open", "resolved"]} />
        <Choice name="level" label="Level" choices={["critical", "error", "warning", "info"]} />
        <Search />
      </div>
      {state !== "resolved" && <Part title="Open now" state="open" order="worst first" none="No incident is open." />}
      {state !== "open" && <Part title="History" state="resolved" order="newest first" none="No incident was resolved." />}
    </Panel>
  );
}

interface PartProps {
  title: string;
  state: "open" | "resolved";
  order: string;
  none: string;
}

function Part({ title, state, order, none }: PartProps) {
  const { params } = useRoute();
  const pages = usePages<Incident>(addFilters(`/api/incidents?state=${state}`, params, ["level", "q"]));
  const isFiltered = params.get("level") || params.get("q");
  return (
    <section class="part" aria-label={title}>
      <h3>{title}</h3>
      <Paged pages={pages} words={["incident", "incidents"]} order={order} none={isFiltered ? "No incidents match." : none}>
        {(items) => (
          <ul class="alerts long">
            {(state === "open" ? sortIncidents(items) : items).map((incident) => (
              <IncidentCard key={incident.id} incident={incident} />
            ))}
          </ul>
        )}
      </Paged>
    </section>
  );
}
