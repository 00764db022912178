/** Routes that people make: what a form says, what it keeps, and how the list of them changes. */

import "./support/dom";
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { Changes } from "../src/features/routes/changes";
import { move, place } from "../src/features/routes/own-routes";
import { readRoute, showRoute, Unreadable } from "../src/features/routes/read-route";
import { clear, show } from "./support/render";

afterEach(clear);

type Given = Record<string, string | string[]>;

function fill(given: Given): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(given)) for (const each of [value].flat()) form.append(name, each);
  return form;
}

/** The form of a route, as a person leaves it who changes nothing. */
function untouched(definition: Record<string, unknown>): FormData {
  const { name, levels, texts, channels, wait, repeat, steps, others } = showRoute(definition);
  return fill({ name, level: levels, ...texts, channel: channels, wait, repeat, steps, others });
}

test("a form is a route", () => {
  const form = fill({
    name: " night ",
    level: ["error", "critical"],
    rule: "",
    stage: "recordings, trans*",
    channel: ["slack"],
    wait: "1",
    repeat: "15",
    steps: "15: pagerduty, slack\n\n30:email:backup",
    others: '{"group_by": [], "match": {"labels": {"agency": "acme"}}}',
  });
  assert.deepEqual(readRoute(form), {
    name: "night",
    match: { level: ["error", "critical"], stage: ["recordings", "trans*"], labels: { agency: "acme" } },
    channels: ["slack"],
    wait_s: 60,
    repeat_s: 900,
    escalation: [
      { after_s: 900, channels: ["pagerduty", "slack"] },
      { after_s: 1800, channels: ["email:backup"] },
    ],
    group_by: [],
  });
  assert.deepEqual(readRoute(fill({ name: "all" })), { name: "all" });
});

test("a form that nobody touches changes nothing", () => {
  const hours = { days: ["mon"], start: "18:00", duration_s: 3600, timezone: "UTC" };
  for (const definition of [
    { name: "a", match: { level: ["critical"], rule: ["vendor_*"], hours }, channels: ["log"], repeat_s: { critical: null } },
    {
      name: "b",
      match: { labels: { a: { op: "=~", value: "x.*" } } },
      wait_s: 7,
      repeat_s: 301.5,
      digest: { at: "09:00", timezone: "UTC" },
    },
    { name: "c", match: { project: ["1"] }, escalation: [{ after_s: 61, channels: ["slack:ops", "log"] }], quiet_hours: hours },
  ])
    assert.deepEqual(readRoute(untouched(definition)), definition);
  assert.deepEqual(readRoute(untouched({ name: "d", match: { level: "info", stage: "a" } })), {
    name: "d",
    match: { level: ["info"], stage: ["a"] },
  });
});

test("what cannot be read says what to write", () => {
  for (const [given, said] of [
    [{ steps: "soon: slack" }, /minutes and channels/],
    [{ steps: "15" }, /minutes and channels/],
    [{ others: "[1]" }, /as a JSON object/],
    [{ others: "{" }, /as a JSON object/],
  ] as const)
    assert.throws(
      () => readRoute(fill({ name: "a", ...given })),
      (error) => error instanceof Unreadable && said.test(error.message),
    );
});

test("routes are added last, replaced in place, moved and deleted", () => {
  const [a, b, c] = [{ name: "a" }, { name: "b" }, { name: "c" }];
  assert.deepEqual(place([a, b], null, c), [a, b, c]);
  assert.deepEqual(place([a, b], 0, c), [c, b]);
  assert.deepEqual(place([a, b, c], 1, null), [a, c]);
  assert.deepEqual(move([a, b, c], 2, -1), [a, c, b]);
  assert.deepEqual(move([a, b, c], 0, 1), [b, a, c]);
});

test("the history says who, why and what", async () => {
  const version = {
    version: 2,
    at: "2026-11-24T10:00:00Z",
    actor: "ana",
    reason: "the night shift",
    changes: [
      { name: "night", action: "change" as const, before: { name: "night" }, after: { name: "night", wait_s: 60 } },
      { name: "mail", action: "move" as const },
    ],
  };
  const { place: shown } = await show(<Changes history={[version]} />);
  for (const text of ["ana", "the night shift", "night changed", '"wait_s": 60', "mail moved"])
    assert.ok(shown.textContent?.includes(text), text);
  assert.equal(shown.querySelectorAll("details").length, 1);
});
