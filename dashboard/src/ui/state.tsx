/** What stands in place of data: none yet, none at all, or old ones. */

import type { ComponentChildren } from "preact";
import type { Live } from "../poll";
import { Age } from "./basics";

interface WhenProps<T> {
  live: Live<T>;
  children: (data: T) => ComponentChildren;
}

/** Shows the data; says so while there are none, and when they are no longer fresh. */
export function When<T>({ live, children }: WhenProps<T>) {
  if (live.data === undefined && live.error) {
    return (
      <p class="problem">
        <span aria-hidden="true">? </span>unknown: {live.error.message}
      </p>
    );
  }
  if (live.data === undefined) return <p class="loading">Asking …</p>;
  return (
    <>
      {live.error && (
        <p class="problem">
          <span aria-hidden="true">▲ </span>
          {live.error.message}; this is <Age since={live.at} /> old
        </p>
      )}
      {children(live.data)}
    </>
  );
}

export function Empty({ children }: { children: ComponentChildren }) {
  return <p class="empty">{children}</p>;
}
