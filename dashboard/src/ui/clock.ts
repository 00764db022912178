/** The time as the page shows it: one clock for all ages on it. */

import { useEffect, useState } from "preact/hooks";
import { now } from "../now";

const watchers = new Map<number, Set<() => void>>();

/** Now in ms, anew every so many ms; all who ask for the same pace share one timer. */
export function useNow(everyMs: number): number {
  const [, rerender] = useState(0);
  useEffect(() => watch(everyMs, () => rerender((count) => count + 1)), [everyMs]);
  return now();
}

function watch(everyMs: number, watcher: () => void): () => void {
  const known = watchers.get(everyMs);
  const all = known ?? new Set();
  if (!known) {
    watchers.set(everyMs, all);
    window.setInterval(() => all.forEach((one) => one()), everyMs);
  }
  all.add(watcher);
  return () => void all.delete(watcher);
}
