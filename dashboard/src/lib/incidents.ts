/** Incidents: their order, and their impact in words. */

import type { Incident, Overview } from "./api/types";
import { formatCompact } from "./format/numbers";
import { LEVELS, sortByLevel } from "./levels";

/** The level of what fires now: what was worse and has ended raises nobody. An incident whose alerts are unknown keeps its own. */
export function findLevelNow({ level, cause, alerts }: Incident): string {
  const isFiring = (wanted: string) => [cause, ...alerts].some((alert) => alert.state === "firing" && alert.level === wanted);
  return LEVELS.find(isFiring) ?? level;
}

/**
 * Incidents at their level of now: the worst first, then the longest. Those that somebody works on, or that are silenced, stand
 * below the others.
 */
export function sortIncidents(incidents: readonly Incident[]): Incident[] {
  const atNow = incidents.map((incident) => ({ ...incident, level: findLevelNow(incident) as Incident["level"] }));
  return sortByLevel(atNow, ({ owner, silenced_until }) => (owner ? 10 : 0) + (silenced_until ? 20 : 0));
}

/** How many open incidents are above info; those that the overview does not list count, too. */
export function countSerious({ incidents, open_incidents }: Overview): number {
  const unlisted = Math.max(0, (open_incidents ?? 0) - (incidents?.length ?? 0));
  return (incidents ?? []).filter((incident) => findLevelNow(incident) !== "info").length + unlisted;
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
