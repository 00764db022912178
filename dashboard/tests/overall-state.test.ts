/** What the page may say about the whole system: good news needs to be current and complete. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { announceState, judgeState } from "../src/features/frame/overall-state";
import { ApiError } from "../src/lib/api/client";
import type { Overview, Unknown } from "../src/lib/api/types";
import { AT, GOOD } from "./support/samples";

const FRESH = { at: AT, error: null };
const FAILED = { at: AT, error: new ApiError(500, "Internal Server Error") };
const MINUTE = 60_000;

function withCode(code: Unknown["code"], message = "a sentence"): Overview {
  return { ...GOOD, unknown: { "performance.p95_ms": { code, message } } };
}

test("a current and complete response is shown as it is", () => {
  for (const status of ["operational", "degraded", "outage"] as const) {
    assert.equal(judgeState({ ...GOOD, status }, FRESH, AT + MINUTE).shown, status);
  }
});

test("an old or failed response is never shown as good", () => {
  for (const [live, now] of [
    [FRESH, AT + 3 * MINUTE],
    [FAILED, AT],
  ] as const) {
    const state = judgeState(GOOD, live, now);
    assert.deepEqual([state.word, state.shown, announceState(GOOD, state)], ["unknown", "unknown", "currently unknown"]);
  }
});

test("bad news stays while nothing better is known", () => {
  assert.equal(judgeState({ ...GOOD, status: "outage" }, FAILED, AT + 60 * MINUTE).shown, "outage");
});

test("a figure that should be known turns good news partly unknown, whatever its sentence", () => {
  for (const code of ["missing", "unavailable", "timeout"] as const) {
    for (const message of ["none", "not configured", "no traffic: nothing pending", ""]) {
      assert.equal(judgeState(withCode(code, message), FRESH, AT).shown, "partly unknown");
    }
  }
});

test("a figure that nobody records, or of which there is none, leaves the state as it is", () => {
  for (const code of ["none", "no_traffic", "not_recorded", "not_configured"] as const) {
    assert.equal(judgeState(withCode(code, "unknown: timeout"), FRESH, AT).shown, "operational");
  }
});

test("a state that could not be read is unknown", () => {
  const { word, shown } = judgeState({ ...GOOD, status: null, issues: null, monitor: null }, FRESH, AT);
  assert.deepEqual([word, shown], ["unknown", "unknown"]);
});

test("good news is partly unknown while no rule is evaluated", () => {
  const status = { ...GOOD, monitor: { is_late: true, not_evaluated_since: "2026-11-24T09:50:00Z" } };
  assert.equal(judgeState(status, FRESH, AT).shown, "partly unknown");
});
