/** The weekly report: an unknown target is neither met nor missed, and the CSV comes with the token. */

import "./support/dom";
import assert from "node:assert/strict";
import { afterEach, mock, test } from "node:test";
import { Figures } from "../src/features/reports/figures";
import { Reports } from "../src/features/reports/reports";
import { listWeeks, nameWeek } from "../src/features/reports/weeks";
import { download } from "../src/lib/api/download";
import { signIn } from "../src/lib/api/session";
import type { WeeklyReport } from "../src/lib/api/types";
import { stopPolling } from "../src/lib/polling/scheduler";
import { clear, settle, show } from "./support/render";

afterEach(async () => {
  await clear();
  stopPolling();
  mock.restoreAll();
});

const why = { code: "no_traffic", message: "no requests in the week" } as const;
const REPORT: WeeklyReport = {
  timestamp: "2026-11-30T10:00:00Z",
  week: "2026-W48",
  timezone: "UTC",
  since: "2026-11-23T00:00:00Z",
  until: "2026-11-30T00:00:00Z",
  is_complete: true,
  recorded_since: "2026-11-23T00:00:00Z",
  targets: [
    { name: "error_rate", unit: "ratio", bound: "most", target: 0.01, actual: null, state: "unknown" },
    { name: "uptime", unit: "percent", bound: "least", target: 99.9, actual: 98, state: "missed" },
    { name: "call_cost", unit: "usd", bound: "most", target: 0.2, actual: 0.1, state: "met" },
  ],
  services: [
    { name: "openai", uptime: null, watched: 0, minutes_down: null, minutes_rate_limited: null, minutes_out_of_quota: null },
  ],
  requests: { count: 0, error_rate: null, p50_ms: null, p95_ms: null, p99_ms: null },
  pipeline: [],
  alerts: {
    count: 0,
    by_level: {},
    inhibited: 0,
    acknowledged: 0,
    resolved: 0,
    mean_time_to_acknowledge_s: null,
    mean_time_to_resolve_s: null,
    noisiest_rules: [],
  },
  errors: { total: 0, by_severity: {}, new_count: 0, new: [], regressed_count: 0, regressed: [] },
  cost: { total: null, per_call: null, calls: null, unpriced_calls: null },
  unknown: { "targets.0.actual": why, "requests.error_rate": why, "cost.total": { code: "missing", message: "no prices" } },
};

test("each target is met, missed or unknown, with its figure and the reason", async () => {
  mock.method(globalThis, "fetch", async () => Response.json(REPORT));
  signIn("a-token");
  const { getByText, getByRole, place } = await show(<Reports />);
  await settle();
  getByRole("heading", { name: "Week 2026-W48" });
  assert.match(place.querySelector("[role=status]")?.textContent ?? "", /1 met, 1 missed, 1 unknown/);
  const rows = [...place.querySelectorAll("tbody tr")].slice(0, 3).map(({ textContent }) => textContent);
  assert.match(rows[0] ?? "", /Requests that failbelow 1 %none.*unknown/);
  assert.match(rows[1] ?? "", /at least 99.9 %98 %.*missed/);
  assert.match(rows[2] ?? "", /below \$0.2.*\$0.1.*met/);
  getByText(/Requests that fail: no requests in the week/);
});

test("a week that began before the monitor says since when it is recorded", async () => {
  for (const [since, said] of [
    ["2026-11-26T12:00:00Z", true],
    ["2026-11-23T00:00:00Z", false],
  ] as const) {
    mock.method(globalThis, "fetch", async () => Response.json({ ...REPORT, recorded_since: since }));
    signIn("a-token");
    const { place } = await show(<Reports />);
    await settle();
    assert.equal(/Recorded only since .*26/.test(place.textContent ?? ""), said);
    await clear();
    stopPolling();
    mock.restoreAll();
  }
});

test("an unknown figure is never 0", async () => {
  const { place } = await show(<Figures report={REPORT} />);
  const cost = place.querySelector("[aria-label=Cost] dd");
  assert.equal(cost?.textContent, "unknown");
  assert.match(place.querySelector("[aria-label=Services] tbody")?.textContent ?? "", /OpenAIunknown/);
});

test("weeks have the year of their Thursday", () => {
  for (const [day, week] of [
    ["2026-11-30", "2026-W49"],
    ["2027-01-03", "2026-W53"],
    ["2027-01-04", "2027-W01"],
    ["2024-12-30", "2025-W01"],
    ["2023-01-01", "2022-W52"],
  ] as const)
    assert.equal(nameWeek(Date.parse(`${day}T12:00:00Z`)), week);
  assert.equal(new Set(listWeeks(Date.parse("2027-01-20"), 60)).size, 60);
});

test("a download carries the token and takes only its type", async () => {
  let given: RequestInit = {};
  const reply = (type: string, status = 200) =>
    mock.method(globalThis, "fetch", async (_path: string, options: RequestInit) => {
      given = options;
      return new Response("a,b", { status, headers: { "content-type": type } });
    });
  signIn("a-token");
  reply("text/csv; charset=utf-8");
  assert.equal(await download("/api/reports/weekly", "text/csv"), "a,b");
  assert.deepEqual(given.headers, { authorization: "Bearer a-token", accept: "text/csv" });
  reply("text/html");
  await assert.rejects(download("/api/reports/weekly", "text/csv"), /does not come from the API/);
  reply("text/csv", 503);
  await assert.rejects(download("/api/reports/weekly", "text/csv"), /status 503/);
});
