/** Series as columns, stacks and sentences; days as bars. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { nameDay } from "../src/charts/daybars";
import { buildColumns, summarize } from "../src/charts/history";
import { stackColumns } from "../src/charts/stack";
import type { Series, UptimeDay } from "../src/lib/api/types";
import { formatDay } from "../src/lib/format/times";

const line = (name: string, points: Series["points"]): Series => ({ name, unit: "count", labels: {}, points });
const DAY: UptimeDay = { date: "2026-08-22", uptime: null, degraded: null, watched: 40, maintenance: 0, status: "unknown" };
const A = "2026-11-24T10:00:00Z";
const B = "2026-11-24T10:15:00Z";

test("the latest figure that is known names its time where newer ones are not", () => {
  const points: Series["points"] = [
    [A, 1],
    [B, null],
  ];
  assert.match(summarize([line("depth", points)]), /^depth: latest 1 at .+, highest 1 at /);
  assert.match(summarize([line("depth", [[A, 1]])]), /^depth: latest 1, highest 1 at /);
});

test("a day is named with its uptime, and one without checks is not called up", () => {
  assert.equal(formatDay("2026-08-22"), "Aug 22 2026");
  assert.equal(nameDay({ ...DAY, uptime: 75, status: "degraded" }), "Aug 22 2026: 75 % uptime");
  assert.equal(nameDay({ ...DAY, watched: 0 }), "Aug 22 2026: not checked");
  assert.equal(nameDay({ ...DAY, watched: 0, maintenance: 90 }), "Aug 22 2026: maintenance");
  assert.equal(nameDay(DAY), "Aug 22 2026: too few probes");
});

test("series become columns over all their times, with gaps where one has no value", () => {
  const { times, values } = buildColumns([
    line("a", [
      [A, 1],
      [B, null],
    ]),
    line("b", [[B, 2]]),
  ]);
  assert.deepEqual(times, [Date.parse(A) / 1000, Date.parse(B) / 1000]);
  assert.deepEqual(values, [
    [1, null],
    [null, 2],
  ]);
});

test("a stack draws what is known of each step, its top first", () => {
  assert.deepEqual(
    stackColumns(
      [
        [1, 1, null, null],
        [2, null, 2, null],
        [4, 4, 4, null],
      ],
      "stack",
    ),
    [
      [7, 5, 6, null],
      [3, null, 2, null],
      [1, 1, null, null],
    ],
  );
  assert.deepEqual(stackColumns([[1], [2]], "lines"), [[1], [2]]);
});

test("the summary names the latest, the highest, and what is unknown", () => {
  assert.match(
    summarize([
      line("depth", [
        [A, 7],
        [B, 3],
      ]),
    ]),
    /^depth: latest 3, highest 7 at /,
  );
  assert.match(
    summarize([
      line("depth", [
        [A, 7],
        [B, null],
      ]),
    ]),
    /unknown at 1 of 2 points/,
  );
  assert.equal(summarize([line("depth", [[A, null]])]), "depth: unknown for the whole range.");
});
