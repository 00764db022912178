/** What is recorded of each stage over time: how much waited in 24 hours, and how much it completed in this hour a day before. */

import type { History, Unknown } from "../../lib/api/types";
import { useSlow } from "../../lib/polling/use-live";

export interface StageHistory {
  /** How much waited, over 24 hours; oldest first. */
  depths: (number | null)[];
  /** How much it completed in this hour of the clock a day before. */
  dayBefore: number | null;
  reason: Unknown;
}

const PATH = "/api/metrics/history?metric=queues&range=";
const NOT_RECORDED = { code: "not_recorded", message: "nothing is recorded of this hour a day before" } as const;

/** Return the history of a stage by its name. */
export function useStageHistory(): (stage: string) => StageHistory {
  const day = useSlow<History>(`${PATH}24h`).data;
  const before = useSlow<History>(`${PATH}1h&step=3600&before=1d`).data;
  return (stage) => {
    const [rate] = listValues(before, "completed", stage);
    return {
      depths: listValues(day, "pending", stage),
      dayBefore: rate === undefined || rate === null ? null : Math.round(rate * 60),
      reason: before?.unknown.series ?? NOT_RECORDED,
    };
  };
}

function listValues(history: History | undefined, figure: string, stage: string): (number | null)[] {
  const found = history?.series?.find(({ name, labels }) => name === figure && labels.stage === stage);
  return found?.points.map(([, value]) => value) ?? [];
}
