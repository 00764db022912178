/** What every view knows of the whole: one response that the API sends only when it changed. */

import type { Issue, Overview, Unknown } from "./api/types";
import { type Live, useLive } from "./polling/use-live";
import { linkTo } from "./route";

export function useOverview(): Live<Overview> {
  return useLive<Overview>("/api/overview");
}

/** Firing alerts above info whose label has this value, such as ("stage", "transcription"); the worst first. */
export function listIssuesAbout(issues: readonly Issue[], label: string, value: string): Issue[] {
  return issues.filter(({ labels, level }) => labels[label] === value && level !== "info");
}

/** The incident of a firing alert; the alert itself until the next evaluation assigns it to one. */
export function linkToIssue({ incident_id, alert_id = "" }: Issue): string {
  return linkTo(incident_id ? `incidents/${incident_id}` : `alerts/${alert_id}`);
}

/** The reasons for unknown figures below a part of the response, by their paths within it. */
export function pickReasons(unknown: Record<string, Unknown>, part: string): Record<string, Unknown> {
  const below = Object.entries(unknown).filter(([path]) => path.startsWith(`${part}.`));
  return Object.fromEntries(below.map(([path, reason]) => [path.slice(part.length + 1), reason]));
}

/** What each stage usually completes, and why it is unknown, as the pipeline shows them. */
export function pickUsual({ usual_rates, unknown }: Overview): {
  usual: Overview["usual_rates"];
  whyNoUsual: Unknown | undefined;
} {
  return { usual: usual_rates, whyNoUsual: unknown.usual_rates };
}
