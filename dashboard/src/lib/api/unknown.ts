/** What the code of an unknown figure means for the page. The message is only shown, never read. */

import type { Unknown } from "./types";

/** Whether there is nothing to measure, as opposed to something that cannot be measured. */
export function isNone({ code }: Unknown): boolean {
  return code === "none" || code === "no_traffic";
}

/** Whether the figure stays null until the product or the settings change. */
export function isExpected({ code }: Unknown): boolean {
  return code === "not_recorded" || code === "not_configured";
}

/** The reasons of the figures that are unknown and should be known. */
export function listReasons(unknown: Record<string, Unknown>): Unknown[] {
  return Object.values(unknown).filter((reason) => !isExpected(reason) && !isNone(reason));
}
