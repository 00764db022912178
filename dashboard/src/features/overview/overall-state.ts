/** What the page may say about the whole system now. Pure: the headline, the title and the announcement share it. */

import type { Status, Unknown } from "../../lib/api/types";
import { listReasons } from "../../lib/api/unknown";
import { CURRENT_MS } from "../../lib/polling/freshness";
import type { Live } from "../../lib/polling/use-live";

export interface OverallState {
  /** The word that colors the headline: the status, or "unknown". */
  word: Status["status"] | "unknown";
  /** The word that is shown and stands in the title. */
  shown: string;
  /** Whether the response says nothing about now: it is too old, or the request for a newer one failed. */
  isOld: boolean;
  /** The figures that should be known and are not. */
  reasons: Unknown[];
}

/** Good news counts only while it is current and complete; bad news stays until there is better. */
export function judgeState(status: Status, { at, error }: Pick<Live<Status>, "at" | "error">, now: number): OverallState {
  const reasons = listReasons(status.unknown);
  const isOld = error !== null || now - at > CURRENT_MS;
  const isBlind = reasons.length > 0 || status.monitor.not_evaluated_since !== null;
  const word = status.status === "operational" && (isBlind || isOld) ? "unknown" : status.status;
  return { word, shown: word === "unknown" && !isOld ? "partly unknown" : word, isOld, reasons };
}

/** The state as a screen reader announces it. */
export function announceState({ issues }: Status, { shown, isOld }: OverallState): string {
  if (isOld) return "currently unknown";
  return `${shown}, ${issues.length} ${issues.length === 1 ? "alert firing" : "alerts firing"}`;
}
