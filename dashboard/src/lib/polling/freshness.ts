/** How old the shown data is, and which requests fail. Pure: the banner puts it into words. */

import type { Entry } from "./store";

/** Data older than this, as in a paused or hidden tab, says nothing about now. */
export const CURRENT_MS = 120_000;

/** Requests that fail for the same reason. */
export interface Failure {
  message: string;
  paths: string[];
}

export interface Freshness {
  /** When the oldest response shown arrived, of those that every round requests, in ms; 0 before the first. */
  at: number;
  failures: Failure[];
  /** Whether every request in use fails. */
  isWhole: boolean;
  /** When the oldest response shown whose request now fails arrived, in ms; null while there is none. */
  staleSince: number | null;
  /** Whether the API limits how often this page may request. */
  isThrottled: boolean;
}

type Used = Pick<Entry, "path" | "at" | "error" | "isSlow">;

/** The freshness of the entries in use. What does not exist (404) is an answer, not a failure. */
export function measureFreshness(used: readonly Used[]): Freshness {
  const failed = used.filter(({ error }) => error !== null && error.status !== 404);
  return {
    at: findOldest(used.filter(({ isSlow }) => !isSlow)) ?? 0,
    failures: groupByMessage(failed),
    isWhole: failed.length > 0 && failed.length === used.length,
    staleSince: findOldest(failed),
    isThrottled: failed.some(({ error }) => error?.status === 429),
  };
}

function findOldest(entries: readonly Used[]): number | null {
  const times = entries.map(({ at }) => at).filter((at) => at > 0);
  return times.length ? Math.min(...times) : null;
}

function groupByMessage(failed: readonly Used[]): Failure[] {
  const paths = new Map<string, Set<string>>();
  for (const { error, path } of failed) {
    const message = error?.message ?? "";
    paths.set(message, (paths.get(message) ?? new Set()).add(path));
  }
  return [...paths].map(([message, found]) => ({ message, paths: [...found] }));
}
