/** The address: every view, filter and range has its own hash to send to someone. */

import { useEffect, useState } from "preact/hooks";

export interface Route {
  /** "errors" and "12" of #/errors/12?range=6h. */
  view: string;
  id: string | null;
  params: URLSearchParams;
}

export const RANGES = ["1h", "6h", "24h", "7d", "30d"] as const;
export type Range = (typeof RANGES)[number];
export const RANGE_WORDS: Record<Range, string> = {
  "1h": "1 hour",
  "6h": "6 hours",
  "24h": "24 hours",
  "7d": "7 days",
  "30d": "30 days",
};

export function routeOf(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const [view = "", ...rest] = path.split("/");
  return { view, id: rest.length ? safeDecode(rest.join("/")) : null, params: new URLSearchParams(query) };
}

/** The hash of a view; the shared range goes along. */
export function to(path: string, params: Record<string, string> = {}): string {
  const range = routeOf(location.hash).params.get("range");
  const query = new URLSearchParams({ ...(range ? { range } : {}), ...params });
  for (const [name, value] of [...query]) if (!value) query.delete(name);
  return `#/${path}${query.size ? `?${query}` : ""}`;
}

/** Change parameters of the address in place; an empty value takes one out. */
export function setParams(changed: Record<string, string>): void {
  const { view, id, params } = routeOf(location.hash);
  for (const [name, value] of Object.entries(changed)) {
    if (value) params.set(name, value);
    else params.delete(name);
  }
  const path = id === null ? view : `${view}/${encodeURIComponent(id)}`;
  location.hash = `/${path}${params.size ? `?${params}` : ""}`;
}

export function useRoute(): Route {
  const [route, setRoute] = useState(() => routeOf(location.hash));
  useEffect(() => {
    const changed = () => setRoute(routeOf(location.hash));
    window.addEventListener("hashchange", changed);
    return () => window.removeEventListener("hashchange", changed);
  }, []);
  return route;
}

export function rangeOf(route: Route): Range {
  const given = route.params.get("range") as Range | null;
  return given && RANGES.includes(given) ? given : "24h";
}

export function useRange(): Range {
  return rangeOf(useRoute());
}

function safeDecode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
