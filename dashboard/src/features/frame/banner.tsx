/** Marks old data as old, and names the parts that fail. */

import { formatLocalTime } from "../../lib/format/times";
import { CURRENT_MS, type Failure } from "../../lib/polling/freshness";
import type { PollState } from "../../lib/polling/scheduler";
import { usePolling } from "../../lib/polling/use-live";
import { useNow } from "../../lib/time/use-now";

export function Banner() {
  const state = usePolling();
  const now = useNow(1_000);
  const shown = state.failures.length > 0 ? describeFailures(state) : describeAge(state, now);
  return (
    <div class={shown ? "banner" : "banner none"} role="alert">
      {shown && (
        <p>
          <b>
            <span aria-hidden="true">▲ </span>
            {shown.title}
          </b>{" "}
          {shown.text}
        </p>
      )}
    </div>
  );
}

interface Notice {
  title: string;
  text: string;
}

/** What fails, and since when the page shows old data, if it does. */
export function describeFailures({ failures, isWhole, staleSince }: PollState): Notice {
  const reasons = failures.map((failure) => (isWhole ? failure.message : describeFailure(failure))).join("; ");
  const isStale = staleSince !== null;
  const unknown = isWhole ? "Unknown:" : "Partly unknown:";
  return {
    title: isStale ? `Stale since ${formatLocalTime(staleSince)}` : unknown,
    text: `${reasons}. ${isStale ? "The page shows the last good data and" : "The page"} retries automatically.`,
  };
}

/** Nothing fails, and yet the data is old: the page is paused, or its interval is long. */
export function describeAge({ at, isPaused }: PollState, now: number): Notice | null {
  if (at === 0 || now - at <= CURRENT_MS) return null;
  const reason = isPaused ? "The page is paused" : "The page waits for its next request";
  return { title: `Stale since ${formatLocalTime(at)}`, text: `${reason}; the state may have changed since then.` };
}

function describeFailure({ message, paths }: Failure): string {
  return `${message} (${paths.join(", ")})`;
}
