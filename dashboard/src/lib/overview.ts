/** What every view knows of the whole: one response that the API sends only when it changed. */

import type { Issue, Overview, Unknown } from "./api/types";
import { type Live, useLive } from "./polling/use-live";

export function useOverview(): Live<Overview> {
  return useLive<Overview>("/api/overview");
}

/** Firing alerts above info whose label has this value, such as ("stage", "transcription"); the worst first. */
export function listIssuesAbout(issues: readonly Issue[], label: string, value: string): Issue[] {
  return issues.filter(({ labels, level }) => labels[label] === value && level !== "info");
}

/** The reasons for unknown figures below a part of the response, by their paths within it. */
export function pickReasons(unknown: Record<string, Unknown>, part: string): Record<string, Unknown> {
  const below = Object.entries(unknown).filter(([path]) => path.startsWith(`${part}.`));
  return Object.fromEntries(below.map(([path, reason]) => [path.slice(part.length + 1), reason]));
}
