/** Routes in words, and the labels that a person writes. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { describe, readLabels } from "../src/features/routes/words";
import type { RouteItem } from "../src/lib/api/types";

const show = (definition: Record<string, unknown>, matches_all = false) =>
  Object.fromEntries(describe({ definition, matches_all } as RouteItem));

test("each part of a route is said in words", () => {
  const hours = { days: ["mon", "tue"], start: "18:00", duration_s: 50_400, timezone: "Europe/Berlin" };
  assert.deepEqual(
    show({
      name: "night",
      match: { level: ["critical", "error"], stage: "rec*", labels: { agency: { op: "!=", value: "test" }, a: "b" }, hours },
      channels: ["slack"],
      group_by: [],
      wait_s: 60,
      repeat_s: { critical: 900, info: null },
      escalation: [{ after_s: 900, channels: ["pagerduty", "slack"] }],
      digest: { at: "09:00", timezone: "UTC" },
    }),
    {
      level: "critical or error",
      stage: "rec*",
      labels: "agency != test and a = b",
      hours: "mon tue from 18:00 for 14 h, Europe/Berlin",
      "one notification for each": "the whole route",
      "waits for further alerts": "1 min",
      repeats: "critical every 15 min, info never",
      "while nobody takes it": "after 15 min pagerduty and slack",
      digest: "alerts of level info, at 09:00 UTC",
    },
  );
  assert.deepEqual(show({ name: "default", repeat_s: 3600 }, true), {
    matches: "every alert that no route above takes",
    repeats: "every 1 h",
  });
});

test("a part that the page does not know is shown unchanged", () => {
  assert.deepEqual(show({ name: "x", match: 7, later: { a: 1 } }), { later: '{"a":1}' });
});

test("labels are read from text, or refused", () => {
  assert.deepEqual(readLabels(" stage=recordings ,service=a=b\n"), { stage: "recordings", service: "a=b" });
  assert.deepEqual(readLabels(""), {});
  for (const text of ["stage", "=x", "a=b, c"]) assert.equal(readLabels(text), null);
});
