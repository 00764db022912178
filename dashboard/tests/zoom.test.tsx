/** Free ranges of the explore view: from a form, from a chart by pointer and by keys, and next to the one shown. */

import "./support/dom";
import assert from "node:assert/strict";
import { test } from "node:test";
import { findStep } from "../src/charts/compare";
import { readTimes, toFieldValue } from "../src/features/explore/span";
import { makeZoom, movePart, type Part, readPart, scalePart, writeSpan } from "../src/features/explore/zoom";
import type { History } from "../src/lib/api/types";
import { getSpan, parseRoute } from "../src/lib/route";

const NOW = Date.parse("2026-11-24T10:00:30Z") / 1000;
const HOUR = 3600;

test("a range is written in whole minutes that contain it, and ends by now", () => {
  for (const [from, to] of [
    [NOW - HOUR, NOW - HOUR + 1],
    [NOW - 90.5, NOW + 500],
    [NOW + 5, NOW + 10],
    [NOW - 1e9, NOW],
    [NOW - 200 * 86_400, NOW - 150 * 86_400],
  ] as const) {
    const written = readPart(writeSpan({ from, to }, NOW));
    assert.ok(written.from < written.to, `${from}`);
    assert.ok(written.to <= NOW + 1);
    assert.ok(written.to - written.from <= 90 * 86_400);
    if (to - from < 86_400 && to <= NOW) assert.ok(written.from <= from && to <= written.to);
  }
});

test("a range can be moved and scaled, around the cursor too", () => {
  const part = { from: 100, to: 200 };
  assert.deepEqual(movePart(part, -1), { from: 0, to: 100 });
  assert.deepEqual(scalePart(part, 2), { from: 50, to: 250 });
  assert.deepEqual(scalePart(part, 0.5, 120), { from: 110, to: 160 });
});

test("the form refuses what cannot be shown with the remedy", () => {
  const at = (hours: number) => new Date((NOW + hours * HOUR) * 1000).toISOString();
  const read = (from: string, to: string) => readTimes(from, to, NOW * 1000);
  assert.deepEqual(read(at(-2), at(-1)), { from: at(-2), to: at(-1) });
  assert.deepEqual(read(at(-2), at(5)), { from: at(-2), to: at(0) }, "the future has nothing to show");
  for (const [from, to] of [
    ["", at(0)],
    [at(-1), at(-2)],
    [at(1), at(2)],
    [at(-24 * 91), at(0)],
  ])
    assert.equal(typeof read(from ?? "", to ?? ""), "string");
  assert.equal(Date.parse(toFieldValue(NOW - 30)), (NOW - 30) * 1000, "a field holds the reader's time");
});

test("an address gives a range only by two times in order", () => {
  const read = (query: string) => getSpan(parseRoute(`#/explore?${query}`));
  const [from, to] = ["2026-11-24T09:00:00Z", "2026-11-24T10:00:00Z"];
  assert.deepEqual(read(`from=${from}&to=${to}`), { from, to });
  for (const query of ["", `from=${from}`, `from=${to}&to=${from}`, `from=x&to=${to}`]) assert.equal(read(query), null);
});

test("ranges compare in equal steps, or not at all", () => {
  const range = (hours: number, step_s: number) =>
    ({
      from: "2026-11-24T00:00:00Z",
      to: new Date(Date.parse("2026-11-24T00:00:00Z") + hours * HOUR * 1000).toISOString(),
      step_s,
    }) as History;
  assert.deepEqual(findStep(range(24, 900), range(24, 900)), { stepS: null, isTooShort: false });
  assert.deepEqual(findStep(range(24, 900), range(24, 3600)), { stepS: 3600, isTooShort: false });
  assert.deepEqual(findStep(range(1, 60), range(1, 3600)), { stepS: null, isTooShort: true });
  assert.deepEqual(findStep(range(1, 60), undefined), { stepS: null, isTooShort: false });
});

/** A plot of 100 px whose times are those from 0 to 1,000 s. */
function makePlot() {
  const select = { left: 0, width: 0, top: 0, height: 0 };
  return {
    select,
    over: { clientHeight: 50 },
    scales: { x: { min: 0, max: 1000 } },
    posToVal: (left: number) => left * 10,
    valToPos: (at: number) => at / 10,
    setSelect: (given: typeof select) => Object.assign(select, given),
  };
}

function press(key: string, shiftKey = false) {
  return { key, shiftKey, preventDefault() {} } as KeyboardEvent;
}

test("a pointer's selection is shown once, and a click shows nothing", () => {
  const [shown, plot] = [[] as Part[], makePlot()];
  const zoom = makeZoom(
    (part) => shown.push(part),
    () => {},
  );
  zoom.onDrag(plot as never);
  Object.assign(plot.select, { left: 20, width: 30 });
  zoom.onDrag(plot as never);
  assert.deepEqual(shown, [{ from: 200, to: 500 }]);
  assert.equal(plot.select.width, 0);
});

test("keys select from the cursor on, show it, drop it and zoom", () => {
  const [shown, told, plot] = [[] as Part[], [] as string[], makePlot()];
  const zoom = makeZoom(
    (part) => shown.push(part),
    (text) => told.push(text),
  );
  zoom.onKey(press("ArrowLeft", true), plot as never, 600);
  zoom.onMove(plot as never, 400);
  assert.deepEqual([plot.select.left, plot.select.width], [40, 20]);
  assert.match(told.at(-1) ?? "", /^Selected .+ to .+: Enter/);
  zoom.onKey(press("Enter"), plot as never, 400);
  assert.deepEqual(shown.pop(), { from: 400, to: 600 });
  zoom.onKey(press("ArrowLeft", true), plot as never, 600);
  zoom.onMove(plot as never, 400);
  zoom.onKey(press("Escape"), plot as never, 400);
  zoom.onKey(press("Enter"), plot as never, 400);
  assert.equal(shown.length, 0, "what was dropped is not shown");
  zoom.onKey(press("+"), plot as never, 400);
  assert.deepEqual(shown.pop(), { from: 200, to: 700 });
  zoom.onKey(press("-"), plot as never, 400);
  assert.deepEqual(shown.pop(), { from: -500, to: 1500 });
});
