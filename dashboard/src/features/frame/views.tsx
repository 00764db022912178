/** The views by their address. The overview is in the first script; the others load when they are first shown. */

import type { Route } from "../../lib/route";
import { lazy } from "../../ui/lazy";
import { Overview } from "../overview/overview";
import { loadLater } from "./load-later";

const MoreViews = lazy<{ route: Route }>(() => loadLater().then(({ MoreViews }) => MoreViews));

/** The views in the navigation. */
export const VIEWS = [
  "",
  "incidents",
  "errors",
  "alerts",
  "explore",
  "calls",
  "crons",
  "costs",
  "reports",
  "ingest",
  "uptime",
  "rules",
  "silences",
  "channels",
  "runbooks",
];
/** Views that others link to. */
const LINKED = ["routes", "subscribers"];
/** Views of one thing, which other views link to. */
const DETAILS = ["raw", "stages"];

export function nameView(view: string): string {
  return view ? `${view[0]?.toUpperCase()}${view.slice(1)}` : "Overview";
}

export function View({ route }: { route: Route }) {
  const isKnown =
    route.view !== "" && ([...VIEWS, ...LINKED].includes(route.view) || (DETAILS.includes(route.view) && route.id !== null));
  return isKnown ? <MoreViews route={route} /> : <Overview />;
}
