/** The chart and the first steps on the card of an incident. */

import "./support/dom";
import assert from "node:assert/strict";
import { afterEach, mock, test } from "node:test";
import { drawLine } from "../src/charts/threshold-line";
import { CardMore, placeStep } from "../src/features/incidents/card-more";
import { signIn } from "../src/lib/api/session";
import type { CauseValues, Incident, Overview } from "../src/lib/api/types";
import { stopPolling } from "../src/lib/polling/scheduler";
import { clear, settle, show } from "./support/render";
import { GOOD } from "./support/samples";

afterEach(async () => {
  await clear();
  stopPolling();
  mock.restoreAll();
});

const CAUSE = { id: "21", rule_id: "pipeline_stopped", labels: {}, value: 4200, unit: "ms", comparison: ">", threshold: 3000 };
const INCIDENT = { id: "2", cause: CAUSE, alerts: [] } as unknown as Incident;
const BOX = { since: "2026-11-24T09:00:00Z", until: "2026-11-24T09:24:00Z", stepS: 60, limit: 3000 };
const VALUES = {
  incident_id: "2",
  step_s: 60,
  since: BOX.since,
  until: BOX.until,
  points: [["2026-11-24T09:01:00Z", 4200]],
} as CauseValues;

async function showWith(given: Partial<Overview>, incident = INCIDENT) {
  mock.method(globalThis, "fetch", async () => Response.json({ ...GOOD, ...given }));
  signIn("a-token");
  const shown = await show(<CardMore incident={incident} />);
  await settle();
  return shown;
}

test("a card draws the value of its cause with the threshold", async () => {
  const { getByRole, place } = await showWith({ cause_values: [{ ...VALUES, incident_id: "1", points: null }, VALUES] });
  assert.ok(getByRole("img", { name: "4.2 s, threshold > 3 s, over 24 min" }));
  assert.ok(place.querySelector("path.limit"));
  assert.match(place.querySelector("small")?.textContent ?? "", /^4.2 s \(> 3 s\)$/);
});

test("a yes or no has no threshold to draw, and says only a no", async () => {
  const yes = { ...INCIDENT, cause: { ...CAUSE, unit: "yes", value: 1, threshold: 1 } } as Incident;
  const { place } = await showWith({ cause_values: [VALUES] }, yes);
  assert.equal(place.querySelector("path.limit"), null);
  assert.equal(place.querySelector("small")?.textContent, "");
  const ending = { ...yes, cause: { ...yes.cause, value: 0 } } as Incident;
  const { place: after } = await showWith({ cause_values: [VALUES] }, ending);
  assert.equal(after.querySelector("small")?.textContent, "no");
});

test("a past that is not known says so, and why", async () => {
  const why = { code: "not_recorded", message: "no value was kept" } as const;
  const none = { ...VALUES, points: null };
  const { place } = await showWith({ cause_values: [none], unknown: { "cause_values.0.points": why } });
  assert.equal(place.querySelector("svg"), null);
  assert.equal(place.querySelector(".cause-chart .unknown")?.getAttribute("title"), why.message);
  await clear();
  stopPolling();
  const lost = await showWith({ cause_values: null, unknown: { cause_values: { ...why, code: "timeout", message: "slow" } } });
  assert.equal(lost.place.querySelector(".cause-chart .unknown")?.getAttribute("title"), "slow");
});

test("the first two steps of the runbook are links", async () => {
  const { getAllByRole } = await showWith({ cause_values: [VALUES] });
  assert.deepEqual(
    getAllByRole("link").map((link) => [link.textContent, link.getAttribute("href")]),
    [
      ["1. See the pipeline: backlog, throughput", "#/raw/metrics/jobs"],
      ["2. Ask the database: does its cron run, and does it complete work", "#/runbooks/pipeline_stopped"],
    ],
  );
});

test("a rule without a runbook of the build has no steps", async () => {
  const own = { ...INCIDENT, cause: { ...CAUSE, rule_id: "my_own" } } as Incident;
  const { queryAllByRole } = await showWith({ cause_values: [VALUES] }, own);
  assert.deepEqual(queryAllByRole("link"), []);
});

test("a step about the pipeline leads to the incident's stage", () => {
  const follows = { ...INCIDENT, alerts: [{ labels: {} }, { labels: { stage: "analyses" } }] } as unknown as Incident;
  const own = { ...follows, cause: { ...CAUSE, labels: { stage: "recordings" } } } as unknown as Incident;
  assert.deepEqual(placeStep(["See the pipeline", "what waits", "raw/pipeline"], follows), {
    words: "See the stage analyses: what waits",
    to: "#/stages/analyses",
  });
  assert.equal(placeStep(["See the pipeline", "", "raw/metrics/jobs"], own).to, "#/stages/recordings");
  assert.equal(placeStep(["Read the alert", "", "alert"], own).to, "#/alerts/21");
  assert.equal(placeStep(["See the errors", "", "errors?state=new"], own).to, "#/errors?state=new");
  assert.equal(placeStep(["See the pipeline", "", "raw/pipeline"], INCIDENT).words, "See the pipeline");
});

test("a line breaks where a step is unknown, and its threshold lies to scale", () => {
  const { line, limitY } = drawLine(
    [
      ["2026-11-24T09:00:00Z", 0],
      ["2026-11-24T09:01:00Z", 6000],
      ["2026-11-24T09:12:00Z", 3000],
    ],
    BOX,
  );
  assert.equal(line, "M0 28H5L5 2H10M60 15H65");
  assert.equal(limitY, 15);
  assert.equal(drawLine([["2026-11-24T09:00:00Z", 0]], { ...BOX, limit: null }).line, "M0 28H5", "0 alone is at the bottom");
  assert.equal(drawLine([["2026-11-24T09:00:00Z", -4]], { ...BOX, limit: 4 }).limitY, 2);
});
