/** All alerts, with filters. */

import type { Alert } from "../api-types";
import { AlertRow } from "../overview/wrong";
import { usePages } from "../pages";
import { useRoute } from "../route";
import { Panel } from "../ui/basics";
import { Choice, filtered, Given, Search } from "../ui/filters";
import { Empty, When } from "../ui/state";

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
      <When live={pages}>
        {({ items, hasMore }) => (
          <>
            <p class="quiet" role="status">
              {items.length}
              {hasMore && "+"} {items.length === 1 ? "alert" : "alerts"}, the newest first
            </p>
            {items.length === 0 && <Empty>No alert matches.</Empty>}
            <ul class="alerts long">
              {items.map((alert) => (
                <AlertRow key={alert.id} alert={alert} />
              ))}
            </ul>
            {hasMore && (
              <button type="button" onClick={pages.more} disabled={pages.isOld}>
                {pages.isOld ? "Asking …" : "Show more"}
              </button>
            )}
          </>
        )}
      </When>
    </Panel>
  );
}
