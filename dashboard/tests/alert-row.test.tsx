/** An alert in a list: what a viewer and an admin see of it. */

import "./support/dom";
import assert from "node:assert/strict";
import { afterEach, mock, test } from "node:test";
import { AlertRow } from "../src/features/alerts/alert-row";
import { signIn } from "../src/lib/api/session";
import { stopPolling } from "../src/lib/polling/scheduler";
import { clear, settle, show } from "./support/render";
import { FIRING, GOOD } from "./support/samples";

afterEach(async () => {
  await clear();
  stopPolling();
  mock.restoreAll();
});

async function showAs(role: string, alert = FIRING) {
  mock.method(globalThis, "fetch", async () => Response.json({ ...GOOD, caller: { role, actor: "somebody" } }));
  signIn("a-token");
  const shown = await show(<AlertRow alert={alert} />);
  await settle();
  return shown;
}

test("a viewer sees the measured value once and no button", async () => {
  const { place, queryAllByRole, getByRole } = await showAs("viewer");
  assert.match(place.textContent ?? "", /Queue backlog.*measured 120 \(rows that wait\), threshold > 100/);
  assert.equal(place.textContent?.match(/threshold/g)?.length, 1);
  assert.equal(getByRole("link", { name: "Runbook" }).getAttribute("href"), "#/runbooks/queue_backlog");
  assert.deepEqual(queryAllByRole("button"), []);
});

test("an admin acknowledges and silences a firing alert, and neither once it is resolved", async () => {
  const names = (found: HTMLElement[]) => found.map((button) => button.textContent);
  assert.deepEqual(names((await showAs("admin")).queryAllByRole("button")), ["Acknowledge", "Silence"]);
  const acknowledged = { ...FIRING, acknowledged_by: "ann" };
  assert.deepEqual(names((await showAs("admin", acknowledged)).queryAllByRole("button")), ["Silence"]);
  const resolved = { ...FIRING, state: "resolved" as const, resolved_at: "2026-11-24T10:00:00Z" };
  assert.deepEqual(names((await showAs("admin", resolved)).queryAllByRole("button")), []);
});

test("an alert reads alike whatever its sentence says", async () => {
  for (const message of ["measured 5 since 10:00", "Since 10:00: unknown", "<b>resolved</b>"]) {
    const { place } = await showAs("viewer", { ...FIRING, message });
    assert.equal(place.querySelector("li")?.className, "alert warning");
    assert.equal(place.querySelector("b"), null);
  }
});
