/** The page's address: every view, filter and range has its own hash that can be shared. */

import { useWatch } from "./use-watch";

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

export function parseRoute(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const [view = "", ...rest] = path.split("/");
  return { view, id: rest.length ? decodeSafely(rest.join("/")) : null, params: new URLSearchParams(query) };
}

/** A range that begins and ends at given times, ISO 8601. */
export interface Span {
  from: string;
  to: string;
}

/** The range that the address gives by its times, if it does. */
export function getSpan({ params }: Route): Span | null {
  const [from = "", to = ""] = ["from", "to"].map((name) => params.get(name) ?? "");
  return Date.parse(from) < Date.parse(to) ? { from, to } : null;
}

/** The hash of a view; it keeps the current range, and what that is compared with. */
export function linkTo(path: string, params: Record<string, string> = {}): string {
  const current = parseRoute(location.hash).params;
  const kept = ["range", "before"].map((name) => [name, current.get(name) ?? ""]);
  const query = new URLSearchParams({ ...Object.fromEntries(kept), ...params });
  for (const [name, value] of [...query]) if (!value) query.delete(name);
  return `#/${path}${query.size ? `?${query}` : ""}`;
}

/** Change parameters of the address in place; an empty value removes one. */
export function setParams(changed: Record<string, string>): void {
  const { view, id, params } = parseRoute(location.hash);
  for (const [name, value] of Object.entries(changed)) {
    if (value) params.set(name, value);
    else params.delete(name);
  }
  const path = id === null ? view : `${view}/${encodeURIComponent(id)}`;
  location.hash = `/${path}${params.size ? `?${params}` : ""}`;
}

export function useRoute(): Route {
  useWatch((onChange) => {
    window.addEventListener("hashchange", onChange);
    return () => window.removeEventListener("hashchange", onChange);
  });
  return parseRoute(location.hash);
}

export function getRange(route: Route): Range {
  const given = route.params.get("range") as Range | null;
  return given && RANGES.includes(given) ? given : "24h";
}

export function useRange(): Range {
  return getRange(useRoute());
}

function decodeSafely(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
