/** The open incidents: one request that the views share, their order, and their impact in words. */

import type { Incident, IncidentPage } from "./api/types";
import { formatCompact } from "./format/numbers";
import { type Live, useLive } from "./polling/use-live";

const LEVELS = ["critical", "error", "warning", "info"];

export function useOpenIncidents(): Live<IncidentPage> {
  return useLive<IncidentPage>("/api/incidents?state=open&limit=50");
}

/** The worst first, then the longest. Incidents that somebody works on, or that are silenced, stand below the others. */
export function sortIncidents(incidents: readonly Incident[]): Incident[] {
  return [...incidents].sort((a, b) => rank(a) - rank(b) || a.started_at.localeCompare(b.started_at));
}

function rank({ level, owner, silenced_until }: Incident): number {
  return LEVELS.indexOf(level) + (owner ? 10 : 0) + (silenced_until ? 20 : 0);
}

/** Whom it concerns: "112 calls wait", "3 agencies". What is not known is left out. */
export function listImpact({ impact }: Incident): string[] {
  const { calls, agencies, users, errors } = impact;
  return [
    calls ? `${formatCompact(calls)} ${calls === 1 ? "call waits" : "calls wait"}` : "",
    agencies ? `${formatCompact(agencies)} ${agencies === 1 ? "agency" : "agencies"}` : "",
    users ? `${formatCompact(users)} ${users === 1 ? "user" : "users"}` : "",
    errors ? `${formatCompact(errors)} ${errors === 1 ? "error" : "errors"}` : "",
  ].filter(Boolean);
}
