/** Series next to those of a day before: at the same times, and never a sum of what is unknown. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { joinEarlier, sumSeries } from "../src/charts/compare";
import { buildColumns, getLabel, getTone } from "../src/charts/history";
import type { Series } from "../src/lib/api/types";

const series = (day: number, values: (number | null)[], labels = {}): Series => ({
  name: "p95",
  unit: "ms",
  labels,
  points: values.map((value, hour) => [`2026-11-${day}T0${hour}:00:00Z`, value]),
});

test("each earlier point stands at the time that it is compared with", () => {
  const both = joinEarlier([series(24, [1, 2])], [series(23, [3, null])], "1d");
  const { times, values } = buildColumns(both);
  assert.equal(times.length, 2);
  assert.deepEqual(values, [
    [1, 2],
    [3, null],
  ]);
  assert.deepEqual(both.map(getLabel), ["p95", "p95 a day before"]);
  assert.deepEqual(both.map(getTone), ["series-0", "before"]);
  assert.deepEqual(joinEarlier([series(24, [1])], [series(17, [2])], "").length, 1);
});

test("a sum is unknown where a part of it is", () => {
  const [sum] = sumSeries([series(24, [1, null, 0], { severity: "low" }), series(24, [2, 3, 0], { severity: "high" })]);
  assert.deepEqual(
    sum?.points.map(([, value]) => value),
    [3, null, 0],
  );
  assert.deepEqual(sumSeries([]), []);
});
