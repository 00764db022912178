/** What needs no browser: figures as text, series as columns, markdown as structure, addresses. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Series } from "../src/api-types";
import { nameOf } from "../src/charts/daybars";
import { columnsOf, summaryOf } from "../src/charts/history";
import { drawn } from "../src/charts/stack";
import { compact, dayName, ms, number, percent, seconds, share } from "../src/format";
import { routeOf } from "../src/route";
import { blocksOf, spansOf } from "../src/views/markdown";

const line = (name: string, points: Series["points"]): Series => ({ name, unit: "count", labels: {}, points });
const A = "2026-11-24T10:00:00Z";
const B = "2026-11-24T10:15:00Z";

test("a share just below 100 % never reads as 100 %", () => {
  assert.equal(percent(100), "100 %");
  assert.equal(percent(99.9965), "99.996 %");
  assert.equal(percent(75), "75 %");
});

test("what is little does not read as nothing", () => {
  assert.deepEqual([share(0.00004), share(0), number(0.004), number(0), compact(0.002)], ["< 0.01 %", "0 %", "0.004", "0", "0.002"]);
});

test("the latest figure that is known names its time where newer ones are not", () => {
  const points: Series["points"] = [
    [A, 1],
    [B, null],
  ];
  assert.match(summaryOf([line("depth", points)]), /^depth: latest 1 at .+, highest 1 at /);
  assert.match(summaryOf([line("depth", [[A, 1]])]), /^depth: latest 1, highest 1 at /);
});

test("spans read in the unit that fits", () => {
  assert.deepEqual(
    [ms(12.34), ms(3200), seconds(59), seconds(125), seconds(7500), seconds(90000)],
    ["12.3 ms", "3.2 s", "59 s", "2 min", "2 h 5 min", "1 d 1 h"],
  );
});

test("a day is named with its uptime, and one without checks is not called up", () => {
  assert.equal(dayName("2026-08-22"), "Aug 22 2026");
  assert.equal(nameOf({ date: "2026-08-22", uptime: 75, status: "degraded" }), "Aug 22 2026: 75 % uptime");
  assert.equal(nameOf({ date: "2026-08-22", uptime: null, status: "unknown" }), "Aug 22 2026: not checked");
});

test("series become columns over all their times, with gaps where one has no value", () => {
  const { times, values } = columnsOf([
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

test("a stack is unknown where any of its parts is, and draws its top first", () => {
  assert.deepEqual(
    drawn(
      [
        [1, 1],
        [2, null],
      ],
      "stack",
    ),
    [
      [3, null],
      [1, 1],
    ],
  );
  assert.deepEqual(drawn([[1], [2]], "lines"), [[1], [2]]);
});

test("the summary names the latest, the highest, and what is unknown", () => {
  assert.match(
    summaryOf([
      line("depth", [
        [A, 7],
        [B, 3],
      ]),
    ]),
    /^depth: latest 3, highest 7 at /,
  );
  assert.match(
    summaryOf([
      line("depth", [
        [A, 7],
        [B, null],
      ]),
    ]),
    /unknown at 1 of 2 points/,
  );
  assert.equal(summaryOf([line("depth", [[A, null]])]), "depth: unknown for the whole range.");
});

test("an address names its view, its id and its parameters", () => {
  const route = routeOf("#/errors/a%2Fb?range=6h&q=x");
  assert.deepEqual([route.view, route.id, route.params.get("range")], ["errors", "a/b", "6h"]);
  assert.deepEqual([routeOf("").view, routeOf("#/").id, routeOf("#/raw/metrics/jobs").id], ["", null, "metrics/jobs"]);
  assert.equal(routeOf("#/errors/%E0%A4%A").id, "%E0%A4%A");
});

test("markdown becomes structure, and what looks like markup stays text", () => {
  const blocks = blocksOf(
    "# Title\n\nA line\nthat goes on.\n\n1. one\n   and more\n2. two\n\n```sh\nget <b>x</b>\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n",
  );
  assert.deepEqual(
    blocks.map((block) => block.kind),
    ["heading", "paragraph", "list", "code", "table"],
  );
  assert.deepEqual(blocks[1], { kind: "paragraph", text: "A line that goes on." });
  assert.deepEqual(blocks[2], { kind: "list", isOrdered: true, items: ["one and more", "two"] });
  assert.deepEqual(blocks[3], { kind: "code", text: "get <b>x</b>" });
  assert.deepEqual(
    spansOf("see `a` and **b**, [c](c_d.md), [d](https://example.com), <img>").map((span) => span.kind),
    ["text", "code", "text", "strong", "text", "page", "text", "text", "text"],
  );
});
