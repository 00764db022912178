/** All alerts: what fires now, the worst first; then the history. Filters turn both into one list. */

import type { Alert } from "../../lib/api/types";
import { sortFiring } from "../../lib/firing";
import { usePages } from "../../lib/polling/pages";
import { useRoute } from "../../lib/route";
import { addFilters, Choice, Given, Search } from "../../ui/filters";
import { Paged } from "../../ui/paged";
import { Panel } from "../../ui/panel";
import { AlertRow } from "./alert-row";

const FILTERS = ["level", "rule_id", "q"];

export function Alerts() {
  const { params } = useRoute();
  const state = params.get("state");
  return (
    <Panel title="Alerts" kind="wide">
      <div class="filters">
        <Choice name="state" label="State" choices={["firing", "resolved"]} />
        <Choice name="level" label="Level" choices={["critical", "error", "warning", "info"]} />
        <Search />
      </div>
      <Given names={["rule_id"]} />
      {state !== "resolved" && <Part title="Firing now" state="firing" order="worst first" none="No alerts are firing." />}
      {state !== "firing" && <Part title="History" state="resolved" order="newest first" none="No alerts were resolved." />}
    </Panel>
  );
}

interface PartProps {
  title: string;
  state: "firing" | "resolved";
  order: string;
  none: string;
}

function Part({ title, state, order, none }: PartProps) {
  const { params } = useRoute();
  const isFiltered = FILTERS.some((name) => params.get(name));
  const pages = usePages<Alert>(addFilters(`/api/alerts?state=${state}`, params, FILTERS));
  return (
    <section class="part" aria-label={title}>
      <h3>{title}</h3>
      <Paged pages={pages} words={["alert", "alerts"]} order={order} none={isFiltered ? "No alerts match." : none}>
        {(items) => (
          <ul class="alerts long">
            {(state === "firing" ? sortFiring(items) : items).map((alert) => (
              <AlertRow key={alert.id} alert={alert} />
            ))}
          </ul>
        )}
      </Paged>
    </section>
  );
}
