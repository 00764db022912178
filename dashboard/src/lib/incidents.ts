/** Incidents: their order, and their impact in words. */

import type { Incident, Overview } from "./api/types";
import { formatCompact } from "./format/numbers";
import { sortByLevel } from "./levels";

/** The worst first, then the longest. Incidents that somebody works on, or that are silenced, stand below the others. */
export function sortIncidents(incidents: readonly Incident[]): Incident[] {
  return sortByLevel(incidents, ({ owner, silenced_until }) => (owner ? 10 : 0) + (silenced_until ? 20 : 0));
}

/** How many open incidents are above info; those that the overview does not list count, too. */
export function countSerious({ incidents, open_incidents }: Overview): number {
  const unlisted = Math.max(0, (open_incidents ?? 0) - (incidents?.length ?? 0));
  return (incidents ?? []).filter(({ level }) => level !== "info").length + unlisted;
}

/**
 * The impact of an incident in words, such as "3 agencies". Counts that are unknown or 0 are left out, and so are calls: how many
 * wait now stands in its sentence, and the impact holds the most that waited at once.
 */
export function listImpact({ impact }: Incident): string[] {
  const { agencies, users, errors } = impact;
  return [
    agencies ? `${formatCompact(agencies)} ${agencies === 1 ? "agency" : "agencies"}` : "",
    users ? `${formatCompact(users)} ${users === 1 ? "user" : "users"}` : "",
    errors ? `${formatCompact(errors)} ${errors === 1 ? "error" : "errors"}` : "",
  ].filter(Boolean);
}
