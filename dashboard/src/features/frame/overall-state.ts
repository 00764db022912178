/** What the page may say about the whole system now. Pure: the strip, the title, the icon and the announcement share it. */

import type { Overview, Unknown } from "../../lib/api/types";
import { listReasons } from "../../lib/api/unknown";
import { CURRENT_MS } from "../../lib/polling/freshness";
import type { Live } from "../../lib/polling/use-live";

export type StateWord = NonNullable<Overview["status"]> | "unknown";

export interface OverallState {
  /** The word that colors the strip: the status, or "unknown". */
  word: StateWord;
  /** The word that is shown and stands in the title. */
  shown: string;
  /** Whether the response says nothing about now: it is too old, or the request for a newer one failed. */
  isOld: boolean;
  /** The figures that should be known and are not. */
  reasons: Unknown[];
}

/** Good news counts only while it is current and complete; bad news stays until there is better. */
export function judgeState(overview: Overview, { at, error }: Pick<Live<Overview>, "at" | "error">, now: number): OverallState {
  const reasons = listReasons(overview.unknown);
  const isOld = error !== null || now - at > CURRENT_MS;
  const isBlind = reasons.length > 0 || overview.monitor === null || overview.monitor.not_evaluated_since !== null;
  const word =
    overview.status === null || (overview.status === "operational" && (isBlind || isOld)) ? "unknown" : overview.status;
  const isPartly = word === "unknown" && overview.status !== null && !isOld;
  return { word, shown: isPartly ? "partly unknown" : word, isOld, reasons };
}

/** The state as a screen reader announces it. */
export function announceState({ issues }: Overview, { shown, isOld }: OverallState): string {
  if (isOld) return "currently unknown";
  if (issues === null) return shown;
  return `${shown}, ${issues.length} ${issues.length === 1 ? "alert firing" : "alerts firing"}`;
}
