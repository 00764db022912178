/** The strip: a page that gets no new data turns to unknown by itself, and what is wrong is said with its cause. */

import assert from "node:assert/strict";
import { afterEach, mock, test } from "node:test";
import { drawIcon } from "../src/features/frame/mark";
import { countByView } from "../src/features/frame/navigation";
import { Strip } from "../src/features/frame/strip";
import type { Incident, Issue, Overview } from "../src/lib/api/types";
import { adoptServerTime } from "../src/lib/time/now";
import { setHidden } from "./support/dom";
import { clear, settle, show } from "./support/render";
import { AT, GOOD } from "./support/samples";

afterEach(clear);

const showStrip = (overview: Overview, view = "Overview") =>
  show(<Strip live={{ data: overview, at: AT, error: null }} view={view} />);

test("a paused page turns from operational to unknown as time passes", async () => {
  mock.timers.enable({ apis: ["setInterval", "Date"], now: AT });
  adoptServerTime(new Date(AT).toUTCString());
  const { getByRole } = await showStrip(GOOD);
  assert.match(getByRole("region").textContent ?? "", /operational.*All clear/);
  assert.equal(document.title, "operational · Callwatch");
  await settle(() => mock.timers.tick(110_000));
  assert.match(getByRole("region").textContent ?? "", /All clear/);
  await settle(() => mock.timers.tick(20_000));
  assert.match(getByRole("region").textContent ?? "", /The current state is unknown\. It was operational 2 min ago\./);
  assert.equal(document.title, "unknown · Callwatch");
  mock.timers.reset();
});

test("what is partly unknown is not called all clear", async () => {
  mock.timers.enable({ apis: ["setInterval", "Date"], now: AT });
  adoptServerTime(new Date(AT).toUTCString());
  const unknown = { "pipeline.stages.0.pending": { code: "unavailable", message: "the table is locked" } };
  const { getByRole } = await showStrip({ ...GOOD, unknown } as Overview);
  assert.match(getByRole("region").textContent ?? "", /partly unknown.*No incident is open.*the table is locked/);
  assert.doesNotMatch(getByRole("region").textContent ?? "", /All clear/);
  mock.timers.reset();
});

test("a hidden tab whose timers were late is unknown as soon as it is seen", async () => {
  mock.timers.enable({ apis: ["setInterval", "Date"], now: AT });
  adoptServerTime(new Date(AT).toUTCString());
  const { getByRole } = await showStrip(GOOD);
  await settle(() => setHidden(true));
  mock.timers.setTime(AT + 600_000);
  await settle(() => setHidden(false));
  assert.match(getByRole("region").textContent ?? "", /It was operational 10 min ago/);
  mock.timers.reset();
});

const issue = (title: string, minute: number, more: Partial<Issue> = {}): Issue => ({
  title,
  since: `2026-11-24T09:${minute}:00Z`,
  type: "error",
  level: "error",
  labels: {},
  rule_id: title,
  message: "text that may say: anything",
  ...more,
});

test("an outage without known incidents names the oldest issues and how many more there are", async () => {
  const issues = [issue("c", 30), issue("a", 10), issue("b", 20), issue("d", 40)];
  const { getByRole } = await showStrip({ ...GOOD, status: "outage", incidents: null, open_incidents: null, issues });
  assert.match(getByRole("region").textContent ?? "", /a, b, c and 1 more for /);
});

const INCIDENTS = [
  {
    id: "2",
    title: "Cron late",
    sentence: "Cron rollup is late",
    level: "warning",
    started_at: "2026-11-24T09:00:00Z",
    impact: {},
    cause: { rule_id: "cron_late", state: "firing", level: "warning" },
    alerts: [],
  },
  {
    id: "1",
    title: "Quota used up",
    sentence: "OpenAI quota used up: 32 calls wait for analysis since 13:05 UTC",
    level: "critical",
    started_at: "2026-11-24T09:30:00Z",
    impact: { calls: 32, agencies: 3 },
    cause: { rule_id: "vendor_quota", state: "firing", level: "critical" },
    alerts: [],
  },
] as unknown as Incident[];

test("an outage says its worst incident with impact, runbook and count", async () => {
  const { getByRole } = await showStrip({ ...GOOD, status: "outage", incidents: INCIDENTS, open_incidents: 5 }, "Rules");
  const text = getByRole("region").textContent ?? "";
  assert.match(text, /OpenAI quota used up: .* UTC for [^·]* · 3 agencies and 4 more incidents/);
  assert.equal(getByRole("link", { name: "Runbook: Quota used up" }).getAttribute("href"), "#/runbooks/vendor_quota");
  assert.equal(document.title, "(5) outage · Rules · Callwatch");
});

test("a strip without its response says that the state is unknown", async () => {
  const { getByRole } = await show(<Strip live={{ data: undefined, at: 0, error: null }} view="Rules" />);
  assert.match(getByRole("region").textContent ?? "", /is being read/);
});

test("the icon has the color of the state, and a count while something is wrong", () => {
  const read = (...given: Parameters<typeof drawIcon>) => decodeURIComponent(drawIcon(...given));
  assert.match(read("operational", 0), /2fa866.*<path/);
  assert.match(read("outage", 3), /d8433d.*>3</);
  assert.match(read("outage", 12), />9\+</);
});

test("a view is counted only where it is known and asks for attention", () => {
  assert.deepEqual(countByView(undefined), { incidents: 0, alerts: 0, errors: 0, crons: 0 });
  const found = countByView({ ...GOOD, open_incidents: 2, issues: [issue("a", 1), issue("b", 2, { level: "info" })] });
  assert.deepEqual([found.incidents, found.alerts], [2, 1]);
});
