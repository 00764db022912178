/** How much waited in each stage over 24 hours. */

import type { History } from "../../lib/api/types";
import { useSlow } from "../../lib/polling/use-live";

/** Return how much waited in a stage by its name; oldest first. */
export function useDepths(): (stage: string) => (number | null)[] {
  const day = useSlow<History>("/api/metrics/history?metric=queues&range=24h").data;
  return (stage) => {
    const found = day?.series?.find(({ name, labels }) => name === "pending" && labels.stage === stage);
    return found?.points.map(([, value]) => value) ?? [];
  };
}
