/** The firing alerts and their order. */

import type { Alert, AlertPage } from "./api/types";
import { sortByLevel } from "./levels";
import { type Live, useLive } from "./polling/use-live";

export function useFiring(): Live<AlertPage> {
  return useLive<AlertPage>("/api/alerts?state=firing&limit=200");
}

/** The worst first, then the longest. Acknowledged and inhibited alerts stand below the others. */
export function sortFiring(alerts: readonly Alert[]): Alert[] {
  return sortByLevel(alerts, (alert) => (alert.suppressed_by ? 20 : 0) + (alert.acknowledged_by ? 10 : 0));
}
