/** Incidents on the page: the worst first, and one tap to take one. */

import "./support/dom";
import assert from "node:assert/strict";
import { afterEach, mock, test } from "node:test";
import { OpenIncidents } from "../src/features/incidents/wrong";
import { signIn } from "../src/lib/api/session";
import type { Incident } from "../src/lib/api/types";
import { findLevelNow, listImpact } from "../src/lib/incidents";
import { stopPolling } from "../src/lib/polling/scheduler";
import { clear, settle, show } from "./support/render";
import { GOOD } from "./support/samples";

afterEach(async () => {
  await clear();
  stopPolling();
  mock.restoreAll();
});

const WARNING = {
  id: "1",
  title: "Slow route",
  sentence: "Route /a is slow since 09:00 UTC",
  level: "warning",
  state: "open",
  started_at: "2026-11-24T09:00:00Z",
  resolved_at: null,
  cause: { id: "11", rule_id: "slow_route", level: "warning", state: "firing", labels: { route: "/a" } },
  alerts: [{ id: "11" }],
  alert_count: 1,
  impact: { calls: null, agencies: null, users: null, errors: null },
  owner: null,
  silenced_until: null,
  silenced_by: null,
  changes: [],
} as unknown as Incident;
const CRITICAL = {
  ...WARNING,
  id: "2",
  title: "Quota used up",
  sentence: "OpenAI quota used up: 32 calls wait for analysis since 09:30 UTC",
  level: "critical",
  impact: { calls: 32, agencies: null, users: 1, errors: 0 },
  alerts: [{ id: "21" }, { id: "22", title: "Analysis lag", level: "error", state: "firing", message: "32 wait" }],
  cause: { ...WARNING.cause, id: "21", level: "critical" },
  alert_count: 2,
} as Incident;
const INFO = {
  ...WARNING,
  id: "3",
  title: "New error",
  level: "info",
  cause: { ...WARNING.cause, id: "31", level: "info" },
} as Incident;
/** An error that ended: what remains is for information. */
const ENDED = {
  ...INFO,
  level: "error",
  alerts: [{ id: "31" }, { id: "32", title: "High error rate", level: "error", state: "resolved", message: "60" }],
  alert_count: 2,
} as Incident;

async function showAs(role: string, ...items: Incident[]) {
  const asked: [string, string][] = [];
  mock.method(globalThis, "fetch", async (path: string, given: RequestInit) => {
    asked.push([given.method ?? "", path]);
    return Response.json({ ...GOOD, caller: { role, actor: "somebody" } });
  });
  signIn("a-token");
  const shown = await show(<OpenIncidents incidents={items} count={items.length} />);
  await settle();
  return { ...shown, asked };
}

test("the worst incident stands first, and informational ones are folded", async () => {
  const { place } = await showAs("viewer", INFO, WARNING, CRITICAL);
  const titles = [...place.querySelectorAll("ul.alerts")].map((list) =>
    [...list.querySelectorAll(":scope > li > .alert-text > .alert-title")].map(({ textContent }) => textContent),
  );
  assert.deepEqual(titles, [[CRITICAL.sentence, WARNING.sentence], [INFO.sentence]]);
  assert.match(place.querySelector("ul.alerts details summary")?.textContent ?? "", /^Follows from it: Analysis lag$/);
  assert.match(place.querySelector("details.others summary")?.textContent ?? "", /1 for information: New error/);
});

test("an incident stands at the level of what fires now", async () => {
  const { place } = await showAs("viewer", ENDED);
  assert.equal(place.querySelector(".alerts > .error"), null);
  assert.match(place.querySelector("details.others summary")?.textContent ?? "", /1 for information: New error/);
  const unknown = { ...ENDED, cause: { ...ENDED.cause, state: "resolved" }, alerts: [] } as unknown as Incident;
  assert.equal(findLevelNow(unknown), "error");
});

test("below three cards, incidents are lines with the same buttons, six in all", async () => {
  const many = Array.from({ length: 9 }, (_, place) => ({ ...CRITICAL, id: String(place) }) as Incident);
  const { place, getAllByRole, getByRole } = await showAs("admin", ...many);
  const rows = [...place.querySelectorAll(".alerts > li")];
  assert.deepEqual(
    rows.map((row) => row.classList.contains("brief")),
    [false, false, false, true, true, true],
  );
  assert.equal(getAllByRole("button", { name: /^Take it/ }).length, 6);
  assert.equal(getAllByRole("button", { name: /^Silence/ }).length, 6);
  assert.equal(getByRole("link", { name: "All 9 open incidents" }).getAttribute("href"), "#/incidents?state=open");
});

test("an incident that somebody works on stands below the others", async () => {
  const { place } = await showAs("viewer", { ...CRITICAL, owner: "ann" }, WARNING);
  assert.deepEqual(
    [...place.querySelectorAll(".alerts > li")].map(({ className }) => className),
    ["alert incident warning", "alert incident critical"],
  );
  assert.match(place.textContent ?? "", /ann is on it/);
});

test("an admin takes an incident with one tap", async () => {
  const { getByRole, asked } = await showAs("admin", CRITICAL);
  await settle(() => getByRole("button", { name: "Take it: Quota used up" }).click());
  assert.ok(asked.some(([method, path]) => method === "POST" && path === "/api/incidents/2/take"));
});

test("a viewer sees no button", async () => {
  const { queryAllByRole } = await showAs("viewer", CRITICAL);
  assert.deepEqual(queryAllByRole("button"), []);
});

test("an impact that is not known, or that the sentence says, is not said", () => {
  assert.deepEqual(listImpact(WARNING), []);
  assert.deepEqual(listImpact(CRITICAL), ["1 user"]);
});
