/** The routes in their order, those of the page before those of the file, and a form that says where an alert would go. */

import type { ComponentChildren } from "preact";
import type { RouteItem, RoutePage } from "../../lib/api/types";
import { useLive } from "../../lib/polling/use-live";
import { linkTo } from "../../lib/route";
import { Panel } from "../../ui/panel";
import { When } from "../../ui/state";
import { useMayAct } from "../../ui/use-may-act";
import { Changes } from "./changes";
import { DryRun } from "./dry-run";
import { AddRoute, ChangeRoute } from "./own-routes";
import { describe } from "./words";

export function Routes() {
  const live = useLive<RoutePage>("/api/routes");
  const mayAct = useMayAct();
  // Without its version, a list cannot be saved: what somebody else saved would be lost.
  const mayEdit = mayAct && typeof live.data?.version === "number";
  return (
    <div class="stack">
      <Panel
        title="Routes"
        kind="wide"
        aside={
          <span class="buttons">
            <a href={linkTo("channels")}>Channels</a> <a href={linkTo("runbooks/routes")}>How routes are written</a>
            {mayEdit && live.data && <AddRoute page={live.data} />}
          </span>
        }
      >
        <When live={live}>
          {(page) => (
            <>
              {page.page_problem && (
                <p class="problem" role="alert">
                  {page.page_problem}
                </p>
              )}
              {page.problem && (
                <p class="problem" role="alert">
                  The file of routes is not in force, and alerts go to the channels of their rules: {page.problem}
                </p>
              )}
              {!page.problem && page.source === "default" && (
                <p class="quiet">
                  There is no file of routes: each alert goes to the channels of its rule, if no route of the page takes it.
                </p>
              )}
              <ol class="routes">
                {page.items.map((route, at) => (
                  <Row key={route.source + route.name} route={route} place={at + 1}>
                    {mayEdit && route.source === "page" && <ChangeRoute page={page} route={route} at={at} />}
                  </Row>
                ))}
              </ol>
            </>
          )}
        </When>
      </Panel>
      <Panel title="Where would an alert go?" kind="wide">
        <DryRun />
      </Panel>
      <Changes history={live.data?.history ?? []} />
    </div>
  );
}

function Row({ route, place, children }: { route: RouteItem; place: number; children: ComponentChildren }) {
  const { channels, channels_not_configured: missing } = route;
  const unknown = route.rules_unknown ?? [];
  const named = (route.definition.match as { rule?: string | string[] } | undefined)?.rule ?? [];
  const matchesNone = unknown.length === [named].flat().length;
  return (
    <li>
      <p>
        {place}. <b>{route.name}</b> {route.source === "page" && <span class="chip">of the page</span>} →{" "}
        {route.uses_rule_channels ? "the channels of the rule" : channels.join(", ")}
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
      {unknown.length > 0 && (
        <p class="problem">
          No rule is called {unknown.join(", ")}
          {matchesNone ? ": this route takes no alert." : "."}
        </p>
      )}
      <div class="buttons">{children}</div>
    </li>
  );
}
