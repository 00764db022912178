/** Rules that people make: what a form says, and what a trial found. */

import "./support/dom";
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { nameId, readRule, Tried } from "../src/features/rules/own-rule";
import type { DryRun, RuleDefinition } from "../src/lib/api/types";
import { clear, show } from "./support/render";

afterEach(clear);

test("a form is a rule, and what it does not have stays as it was", () => {
  const form = new FormData();
  const given = {
    name: " Slow routes ",
    level: "error",
    metric: "requests.p95_ms",
    comparison: ">",
    threshold: "3000",
    minutes: "5",
  };
  for (const [name, value] of Object.entries(given)) form.set(name, value);
  const rule = readRule(form);
  assert.deepEqual(rule, {
    id: "slow_routes",
    name: "Slow routes",
    level: "error",
    metric: "requests.p95_ms",
    comparison: ">",
    threshold: 3000,
    for_s: 300,
  });
  const before: RuleDefinition = { ...rule, id: "kept", labels: { route: "/a" } };
  assert.deepEqual(readRule(form, before), { ...rule, id: "kept", labels: { route: "/a" } });
});

test("every name leads to an id that a rule may have", () => {
  for (const [name, id] of [
    ["Überlast – p95 > 3 s", "u_berlast_p95_3_s"],
    ["مراقبة", "own_rule"],
    ["a".repeat(300), "a".repeat(100)],
  ] as const) {
    assert.equal(nameId(name), id);
    assert.match(nameId(name), /^[a-z0-9][a-z0-9_]{0,99}$/);
  }
});

const FOUND: DryRun = {
  fired: [],
  fired_count: 3,
  firing_minutes: 12,
  fires_when: "p95 > 3 s for 5 min",
  known_minutes: 1400,
  unknown_minutes: 40,
  since: "2026-11-23T10:00:00Z",
  until: "2026-11-24T10:00:00Z",
  unknown: {},
};

test("a trial says how often it would have fired, and what is not known", async () => {
  const { place } = await show(<Tried found={FOUND} />);
  assert.match(place.textContent ?? "", /Would have fired 3 times, for 12 min in all.*unknown: 40 min/);
});

test("a trial without any data says that, not that nothing fired", async () => {
  const { place } = await show(<Tried found={{ ...FOUND, fired_count: 0, known_minutes: 0 }} />);
  assert.match(place.textContent ?? "", /Nothing is known of this metric/);
  assert.doesNotMatch(place.textContent ?? "", /0 times/);
});
