/** The routes in their order, as the file has them, and a form that says where an alert would go. */

import type { RouteItem, RoutePage } from "../../lib/api/types";
import { useLive } from "../../lib/polling/use-live";
import { linkTo } from "../../lib/route";
import { Panel } from "../../ui/panel";
import { When } from "../../ui/state";
import { DryRun } from "./dry-run";
import { describe } from "./words";

export function Routes() {
  const live = useLive<RoutePage>("/api/routes");
  return (
    <div class="stack">
      <Panel
        title="Routes"
        kind="wide"
        aside={
          <span class="buttons">
            <a href={linkTo("channels")}>Channels</a> <a href={linkTo("runbooks/routes")}>How routes are written</a>
          </span>
        }
      >
        <When live={live}>
          {({ items, problem, source }) => (
            <>
              {problem && (
                <p class="problem" role="alert">
                  The file of routes is not in force, and alerts go to the channels of their rules: {problem}
                </p>
              )}
              {!problem && source === "default" && (
                <p class="quiet">There is no file of routes: each alert goes to the channels of its rule.</p>
              )}
              <ol class="routes">
                {items.map((route, place) => (
                  <Row key={route.name} route={route} place={place + 1} />
                ))}
              </ol>
            </>
          )}
        </When>
      </Panel>
      <Panel title="Where would an alert go?" kind="wide">
        <DryRun />
      </Panel>
    </div>
  );
}

function Row({ route, place }: { route: RouteItem; place: number }) {
  const { channels, channels_not_configured: missing } = route;
  return (
    <li>
      <p>
        {place}. <b>{route.name}</b> → {route.uses_rule_channels ? "the channels of the rule" : channels.join(", ")}
      </p>
      <ul class="quiet">
        {describe(route).map(([name, text]) => (
          <li key={name}>
            {name}: {text}
          </li>
        ))}
      </ul>
      {missing.length > 0 && (
        <p class="problem">
          Not configured: {missing.join(", ")}.{" "}
          {channels.length > 0 &&
            channels.every((name) => missing.includes(name)) &&
            "Alerts go to the channels of their rules instead."}
        </p>
      )}
    </li>
  );
}
