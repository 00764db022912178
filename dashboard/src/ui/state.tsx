/** What a view shows in place of data: loading, unknown, or a warning that the data is old. */

import type { ComponentChildren } from "preact";
import { type Live, usePolling } from "../lib/polling/use-live";
import { Age } from "./time";

interface WhenProps<T> {
  live: Live<T>;
  children: (data: T) => ComponentChildren;
}

/** Shows the data, and a notice while it is loading, unknown or old. While nothing responds, the banner alone says that all is old. */
export function When<T>({ live, children }: WhenProps<T>) {
  const { isWhole } = usePolling();
  if (live.data === undefined && live.error) {
    return (
      <p class="problem">
        <span aria-hidden="true">? </span>unknown: {live.error.message}
      </p>
    );
  }
  if (live.data === undefined) return <p class="loading">Loading …</p>;
  return (
    <>
      {live.error && !isWhole && (
        <p class="problem">
          <span aria-hidden="true">▲ </span>
          {live.error.message}; this data is <Age since={live.at} /> old
        </p>
      )}
      {children(live.data)}
    </>
  );
}

export function Empty({ children }: { children: ComponentChildren }) {
  return <p class="empty">{children}</p>;
}
