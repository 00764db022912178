/** The order of error groups: by the server over all of them, or here among those that are loaded; and which began lately. */

import type { ErrorGroup } from "../../lib/api/types";

/** What the server sorts by. */
const BY_SERVER = ["last_seen", "first_seen", "users", "count", "level", "release", "service"];
const SEVERITIES = ["low", "medium", "high", "critical"];

/** The names of columns that sort, with what they sort by. */
export const SORTS: Record<string, string> = {
  Severity: "severity",
  Level: "level",
  Owner: "owner",
  Release: "release",
  "24 h": "today",
  Users: "users",
  Total: "count",
  "First seen": "first_seen",
  "Last seen": "last_seen",
};

export const ORDER_WORDS: Record<string, string> = {
  last_seen: "last seen first",
  first_seen: "newest first",
  users: "most users first",
  count: "most occurrences first",
  severity: "most severe first",
  today: "most in 24 hours first",
  owner: "by owner",
  level: "highest level first",
  release: "by release, the last name first",
  service: "by service, the last name first",
};

/** How far back "new" reaches, in minutes, by the value in the page's address. */
export const BEGAN: Record<string, { minutes: number; words: string }> = {
  "10m": { minutes: 10, words: "new in 10 min" },
  "1h": { minutes: 60, words: "new in 1 h" },
  "24h": { minutes: 1440, words: "new in 24 h" },
};

export const isByServer = (sort: string) => BY_SERVER.includes(sort);

export function countToday(group: ErrorGroup): number {
  return group.trend.reduce((sum, count) => sum + count, 0);
}

/** The groups in an order that the server does not know; its own order stays. */
export function sortGroups(groups: ErrorGroup[], sort: string): ErrorGroup[] {
  const rank: Record<string, (group: ErrorGroup) => number> = {
    severity: ({ severity }) => SEVERITIES.indexOf(severity),
    today: countToday,
  };
  const byNumber = rank[sort];
  if (byNumber) return [...groups].sort((a, b) => byNumber(b) - byNumber(a));
  return sort === "owner" ? [...groups].sort((a, b) => compareTexts(a.assigned_to, b.assigned_to)) : groups;
}

/** Those without a text stand last. */
function compareTexts(a: string | null, b: string | null): number {
  if (a === null || b === null) return Number(a === null) - Number(b === null);
  return a.localeCompare(b, undefined, { numeric: true });
}

/** The groups that began within the span, of groups in the order of their first occurrence. */
export function keepBegan(groups: ErrorGroup[], began: string | null, now: number): ErrorGroup[] {
  const span = BEGAN[began ?? ""];
  if (!span) return groups;
  return groups.filter(({ first_seen_at }) => Date.parse(first_seen_at) >= now - span.minutes * 60_000);
}
