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

interface Span {
  level: string;
  started_at: string;
  resolved_at: string | null;
}

/** How long an alert or incident lasts; of one that is over, when it ended and how bad it was. */
export function Lasting({ span: { level, started_at, resolved_at } }: { span: Span }) {
  if (resolved_at === null) {
    return (
      <>
        for <Age since={started_at} />
      </>
    );
  }
  return (
    <>
      {level}, ended <Age since={resolved_at} /> ago after {formatElapsed(started_at, Date.parse(resolved_at))}
    </>
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
