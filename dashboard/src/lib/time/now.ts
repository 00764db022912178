/** The time by the API's clock. The reader's clock may be wrong, and may be set while the page is open. */

// The header has a resolution of one second; the rest is network latency.
const TOLERATED_MS = 5_000;

/** The time at the last response, and what the reader's two clocks said then; `steadyMs` is never set by anybody. */
let anchor = { at: Date.now(), wallMs: Date.now(), steadyMs: performance.now() };

/**
 * Now in ms: the time at the last response plus what has passed since, by the clock that says more.
 * A wall clock that is set back must not make old data look new, and the steady clock stops while a device sleeps.
 */
export function now(): number {
  return anchor.at + Math.max(Date.now() - anchor.wallMs, performance.now() - anchor.steadyMs);
}

/** Take the time from a response's Date header, if it has a valid one. */
export function adoptServerTime(date: string | null): void {
  const found = Date.parse(date ?? "");
  if (Number.isNaN(found)) return;
  const wallMs = Date.now();
  const isWrong = Math.abs(found - wallMs) > TOLERATED_MS;
  anchor = { at: isWrong ? found : wallMs, wallMs, steadyMs: performance.now() };
}
