/** All alerts: what fires now, the worst first; then the history. Filters turn both into one list. */

import type { Alert } from "../../lib/api/types";
import { sortFiring } from "../../lib/firing";
import { LEVELS } from "../../lib/levels";
import { useRoute } from "../../lib/route";
import { Choice, Given, Search } from "../../ui/filters";
import { Panel } from "../../ui/panel";
import { Part } from "../../ui/part";
import { AlertRow } from "./alert-row";

const COMMON = {
  filters: ["level", "rule_id", "q"],
  words: ["alert", "alerts"] as [string, string],
  row: (alert: Alert) => <AlertRow key={alert.id} alert={alert} />,
};

export function Alerts() {
  const state = useRoute().params.get("state");
  return (
    <Panel title="Alerts" kind="wide">
      <div class="filters">
        <Choice name="state" label="State" choices={["firing", "resolved"]} />
        <Choice name="level" label="Level" choices={LEVELS} />
        <Search />
      </div>
      <Given names={["rule_id"]} />
      {state !== "resolved" && (
        <Part
          {...COMMON}
          title="Firing now"
          path="/api/alerts?state=firing"
          order="worst first"
          none="No alerts are firing."
          sort={sortFiring}
        />
      )}
      {state !== "firing" && (
        <Part
          {...COMMON}
          title="History"
          path="/api/alerts?state=resolved"
          order="newest first"
          none="No alerts were resolved."
        />
      )}
    </Panel>
  );
}
