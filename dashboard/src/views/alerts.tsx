/** All alerts, with filters. */

import type { Alert } from "../api-types";
import { AlertRow } from "../overview/wrong";
import { usePages } from "../pages";
import { useRoute } from "../route";
import { Panel } from "../ui/basics";
import { Choice, filtered, Given, Search } from "../ui/filters";
import { Paged } from "../ui/pages";

export function Alerts() {
  const { params } = useRoute();
  const pages = usePages<Alert>(filtered("/api/alerts", params, ["state", "level", "rule_id", "q"]));
  return (
    <Panel title="Alerts" kind="wide">
      <div class="filters">
        <Choice name="state" label="State" choices={["firing", "resolved"]} />
        <Choice name="level" label="Level" choices={["critical", "error", "warning", "info"]} />
        <Search />
      </div>
      <Given names={["rule_id"]} />
      <Paged pages={pages} words={["alert", "alerts"]} order="the newest first" none="No alert matches.">
        {(items) => (
          <ul class="alerts long">
            {items.map((alert) => (
              <AlertRow key={alert.id} alert={alert} />
            ))}
          </ul>
        )}
      </Paged>
    </Panel>
  );
}
