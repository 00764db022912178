/** How old the shown data is, and which requests fail. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError } from "../src/lib/api/client";
import { measureFreshness } from "../src/lib/polling/freshness";
import { readInterval } from "../src/lib/polling/scheduler";

const failing = (path: string, at: number, status = 500, message = "Internal Server Error") => ({
  path,
  at,
  error: new ApiError(status, message),
  isSlow: false,
});

test("the age is that of the oldest response shown", () => {
  const used = [200, 100, 0].map((at) => ({ path: "/api/status", at, error: null, isSlow: false }));
  assert.equal(measureFreshness(used).at, 100);
  assert.equal(measureFreshness([]).at, 0);
  const slow = { path: "/api/uptime", at: 1, error: null, isSlow: true };
  assert.equal(measureFreshness([...used, slow]).at, 100);
});

test("requests that fail alike are one failure with their paths", () => {
  const used = [failing("/api/rules", 5), failing("/api/uptime", 3), failing("/api/uptime", 4)];
  const { failures, isWhole, staleSince } = measureFreshness(used);
  assert.deepEqual(failures, [{ message: "Internal Server Error", paths: ["/api/rules", "/api/uptime"] }]);
  assert.deepEqual([isWhole, staleSince], [true, 3]);
});

test("a part that fails makes not everything fail", () => {
  const { isWhole, staleSince } = measureFreshness([
    failing("/api/rules", 0),
    { path: "/api/status", at: 9, error: null, isSlow: false },
  ]);
  assert.deepEqual([isWhole, staleSince], [false, null]);
});

test("what does not exist is an answer, and a limit is known as one", () => {
  assert.deepEqual(measureFreshness([failing("/api/errors/1", 2, 404)]).failures, []);
  assert.equal(measureFreshness([failing("/api/status", 2, 429, "Too Many Requests")]).isThrottled, true);
});

test("an address may set the interval, and a wrong one sets none", () => {
  assert.deepEqual(
    ["", "?refresh=2", "?refresh=0.001", "?refresh=soon", "?refresh=-1"].map(readInterval),
    [30_000, 2_000, 50, 30_000, 50],
  );
});
