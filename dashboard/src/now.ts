/** The time by the API's clock: the reader's own may be wrong, and every age and every end is reckoned from it. */

// A header names the second; the rest is the way.
const TOLERATED_MS = 5_000;
let aheadMs = 0;

/** Now in ms. */
export function now(): number {
  return Date.now() + aheadMs;
}

/** Take the time from an answer's Date header, where there is one. */
export function heard(date: string | null): void {
  if (date === null) return;
  const found = Date.parse(date) - Date.now();
  aheadMs = Math.abs(found) > TOLERATED_MS ? found : 0;
}
