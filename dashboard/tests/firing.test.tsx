/** What fires is seen first, and where it belongs: in the list of alerts, and at its stage of the pipeline. */

import "./support/dom";
import assert from "node:assert/strict";
import { afterEach, mock, test } from "node:test";
import { Alerts } from "../src/features/alerts/alerts";
import { Pipeline } from "../src/features/pipeline/pipeline";
import { signIn } from "../src/lib/api/session";
import type { Alert, Issue, PipelineFigures } from "../src/lib/api/types";
import { clear as forget } from "../src/lib/polling/store";
import { clear, settle, show } from "./support/render";
import { FIRING, GOOD } from "./support/samples";

afterEach(async () => {
  await clear();
  forget();
  mock.restoreAll();
});

const CRITICAL: Alert = { ...FIRING, id: "8", level: "critical", title: "Pipeline stopped", started_at: "2026-11-24T09:59:00Z" };
const ENDED: Alert = { ...FIRING, id: "6", state: "resolved", title: "Slow route", resolved_at: "2026-11-24T10:28:00Z" };

function answer(answers: Record<string, unknown>): string[] {
  const asked: string[] = [];
  mock.method(globalThis, "fetch", async (path: string) => {
    asked.push(path);
    const found = Object.keys(answers).find((start) => path.startsWith(start));
    return Response.json(found ? answers[found] : GOOD);
  });
  signIn("a-token");
  return asked;
}

const list = (...items: Alert[]) => ({ items, next_cursor: null, unknown: {} });

test("critical alerts stand above older warnings, and the history below both", async () => {
  answer({ "/api/alerts?state=firing": list(FIRING, CRITICAL), "/api/alerts?state=resolved": list(ENDED) });
  const { place, getByRole } = await show(<Alerts />);
  await settle();
  const titles = [...place.querySelectorAll(".alert-title")].map(({ textContent }) => textContent);
  assert.deepEqual(titles, ["Pipeline stopped", "Queue backlog", "Slow route"]);
  assert.match(getByRole("region", { name: "History" }).textContent ?? "", /warning, ended .* ago after 30 min/);
});

const STAGE = { name: "transcription", completed_last_hour: 31, success_rate: 1, dead: 0 };
const FOUND = {
  stages: [STAGE, { ...STAGE, name: "analysis" }],
  crons: [{ name: "process-transcription-queue", period_s: 60, is_late: false, last_ok_at: "2026-11-24T09:59:00Z" }],
  freshness: {},
  field_completeness: null,
  unknown: {},
} as unknown as PipelineFigures;

test("a stage that an alert is about never looks healthy", async () => {
  const issue = { type: "error", since: "2026-11-24T09:59:00Z", message: "", rule_id: "rule" } as const;
  const about: Issue = {
    ...issue,
    alert_id: "8",
    incident_id: "3",
    level: "critical",
    title: "Pipeline stopped",
    labels: { stage: "transcription" },
  };
  const idle: Issue = {
    ...issue,
    alert_id: "9",
    level: "warning",
    title: "Cron idle",
    labels: { cron: "process-transcription-queue" },
  };
  const { place, getByRole, queryByText } = await show(<Pipeline found={FOUND} unknown={{}} issues={[about, idle]} />);
  assert.deepEqual(
    [...place.querySelectorAll(".stage")].map(({ className }) => className.trim()),
    ["stage", "stage critical", "stage"],
  );
  assert.equal(getByRole("link", { name: /Pipeline stopped/ }).getAttribute("href"), "#/incidents/3");
  assert.equal(getByRole("link", { name: /Cron idle/ }).getAttribute("href"), "#/alerts/9", "no incident has it yet");
  assert.match(
    getByRole("list", { name: "Crons that are not on time" }).textContent ?? "",
    /Cron idle · process-transcription-queue/,
  );
  assert.equal(queryByText(/crons are on time/), null);
});

test("a pipeline without alerts says that its crons are on time", async () => {
  const { place } = await show(<Pipeline found={FOUND} unknown={{}} issues={[]} />);
  assert.match(place.textContent ?? "", /All 1 crons are on time/);
});

test("completed work of a stage leads to its items, and none leads nowhere", async () => {
  const idle = { ...STAGE, name: "analysis", completed_last_hour: 0 };
  const found = { ...FOUND, stages: [STAGE, idle, { ...idle, completed_last_hour: null }] } as unknown as PipelineFigures;
  const { getAllByRole } = await show(<Pipeline found={found} unknown={{}} issues={[]} />);
  const links = getAllByRole("link", { name: "completed in the last hour" }).map((link) => link.getAttribute("href"));
  assert.deepEqual(links, ["#/stages/transcription?state=completed_last_hour"]);
});

test("a stage shows how much waited over a day", async () => {
  const points = [3, null, 124].map((value) => ["2026-11-24T09:00:00Z", value]);
  const series = [{ name: "pending", labels: { stage: "transcription" }, points }];
  mock.method(globalThis, "fetch", async () => Response.json({ series, unknown: {} }));
  signIn("a-token");
  const { getByRole } = await show(<Pipeline found={FOUND} unknown={{}} issues={[]} />);
  await settle();
  assert.ok(getByRole("img", { name: "transcription: waiting in the last 24 hours" }));
});

test("a stage shows what is usual for the hour, named by what it is", async () => {
  const third = { ...STAGE, name: "storage" };
  const found = { ...FOUND, stages: [...FOUND.stages, third] } as PipelineFigures;
  const usual = {
    transcription: { per_hour: 36.4, days: 7, basis: "days_alike" },
    analysis: { per_hour: 0, days: 1, basis: "day_before" },
    storage: null,
  } as const;
  const { place } = await show(<Pipeline found={found} unknown={{}} issues={[]} usual={usual} />);
  const rows = [...place.querySelectorAll(".stage")].map(
    (stage) => stage.querySelector(".facts > div:first-child")?.textContent ?? "",
  );
  assert.deepEqual(rows.slice(1), ["usual for this hour36", "a day before0", "usual for this hourunknown"]);
  assert.ok(place.querySelector('[title="median of 7 like days"]'));
});

test("without the usual figures the page says why they are unknown", async () => {
  const why = { code: "timeout", message: "the monitor's tables could not be read in time" } as const;
  const { place } = await show(<Pipeline found={FOUND} unknown={{}} issues={[]} usual={null} whyNoUsual={why} />);
  assert.equal(place.querySelectorAll(`.unknown[title="${why.message}"]`).length, 2);
});
