/** Figures, durations and measured values as text. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { describePart } from "../src/features/overview/configuration";
import {
  describeMeasured,
  formatCompact,
  formatMs,
  formatNumber,
  formatPercent,
  formatSeconds,
  formatShare,
} from "../src/lib/format/numbers";

test("a share just below 100 % never reads as 100 %", () => {
  assert.equal(formatPercent(100), "100 %");
  assert.equal(formatPercent(99.9965), "99.996 %");
  assert.equal(formatPercent(75), "75 %");
});

test("a small value does not read as 0", () => {
  assert.deepEqual(
    [formatShare(0.00004), formatShare(0), formatNumber(0.004), formatNumber(0), formatCompact(0.002)],
    ["< 0.01 %", "0 %", "0.004", "0", "0.002"],
  );
});

test("spans read in the unit that fits", () => {
  assert.deepEqual(
    [formatMs(12.34), formatMs(3200), formatSeconds(59), formatSeconds(125), formatSeconds(7500), formatSeconds(90000)],
    ["12.3 ms", "3.2 s", "59 s", "2 min", "2 h 5 min", "1 d 1 h"],
  );
});

test("the part that an invalid setting switches off has a name", () => {
  assert.equal(describePart("channel.email"), "The email channel");
  assert.equal(describePart("check.openai"), "The openai check");
  assert.equal(describePart("links"), "The part links");
});

test("a measured value names its unit, its comparison and its threshold", () => {
  const given = { value: 4200, unit: "ms", comparison: ">", threshold: 3000 };
  assert.equal(describeMeasured(given), "4.2 s, threshold > 3 s");
  assert.equal(describeMeasured({ ...given, measures: "p95 of a route" }), "4.2 s (p95 of a route), threshold > 3 s");
  assert.equal(describeMeasured({ ...given, value: null }), "value unknown, threshold > 3 s");
  assert.equal(describeMeasured({ ...given, comparison: null, threshold: null }), "4.2 s");
  assert.equal(
    describeMeasured({ value: 2, unit: "status", comparison: ">=", threshold: 1 }),
    "unhealthy, threshold >= degraded",
  );
  assert.equal(describeMeasured({ value: 0, unit: "yes", comparison: "<", threshold: 1 }), "no");
  assert.equal(describeMeasured({ value: 0.25, unit: "ratio", comparison: ">", threshold: 0.1 }), "25 %, threshold > 10 %");
  assert.equal(describeMeasured({ value: 14.4, unit: "times", comparison: ">", threshold: 1 }), "14.4x, threshold > 1x");
  assert.equal(describeMeasured({ value: 7, unit: null, comparison: ">", threshold: 5 }), "7, threshold > 5");
});
