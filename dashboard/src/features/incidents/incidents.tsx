/** All incidents: the open ones, the worst first; then the history. */

import type { Incident } from "../../lib/api/types";
import { sortIncidents } from "../../lib/incidents";
import { LEVELS } from "../../lib/levels";
import { useRoute } from "../../lib/route";
import { Choice, Search } from "../../ui/filters";
import { Panel } from "../../ui/panel";
import { Part } from "../../ui/part";
import { IncidentCard } from "./card";

const COMMON = {
  filters: ["level", "q"],
  words: ["incident", "incidents"] as [string, string],
  row: (incident: Incident) => <IncidentCard key={incident.id} incident={incident} />,
};

export function Incidents() {
  const state = useRoute().params.get("state");
  return (
    <Panel title="Incidents" kind="wide">
      <div class="filters">
        <Choice name="state" label="State" choices={["open", "resolved"]} />
        <Choice name="level" label="Level" choices={LEVELS} />
        <Search />
      </div>
      {state !== "resolved" && (
        <Part
          {...COMMON}
          title="Open now"
          path="/api/incidents?state=open"
          order="worst first"
          none="No incident is open."
          sort={sortIncidents}
        />
      )}
      {state !== "open" && (
        <Part
          {...COMMON}
          title="History"
          path="/api/incidents?state=resolved"
          order="newest first"
          none="No incident was resolved."
        />
      )}
    </Panel>
  );
}
