/** Times and ages. */

import { formatElapsed, formatLocalTime, formatUtcTime } from "../lib/format/times";
import { useNow } from "../lib/time/use-now";

/** A time in the reader's zone, with UTC on hover. */
export function Time({ at }: { at: string | number }) {
  return (
    <time dateTime={new Date(at).toISOString()} title={formatUtcTime(at)}>
      {formatLocalTime(at)}
    </time>
  );
}

/** How long ago, kept up to date. */
export function Age({ since }: { since: string | number }) {
  const now = useNow(10_000);
  return (
    <time dateTime={new Date(since).toISOString()} title={`${formatLocalTime(since)} (${formatUtcTime(since)})`}>
      {formatElapsed(since, now)}
    </time>
  );
}
