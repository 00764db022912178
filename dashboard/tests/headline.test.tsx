/** The headline: a page that gets no new data turns to unknown by itself. */

import assert from "node:assert/strict";
import { afterEach, mock, test } from "node:test";
import { Headline } from "../src/features/overview/headline";
import type { Incident, Status } from "../src/lib/api/types";
import { adoptServerTime } from "../src/lib/time/now";
import { setHidden } from "./support/dom";
import { clear, settle, show } from "./support/render";
import { AT, GOOD } from "./support/samples";

afterEach(clear);

test("a paused page turns from operational to unknown as time passes", async () => {
  mock.timers.enable({ apis: ["setInterval", "Date"], now: AT });
  adoptServerTime(new Date(AT).toUTCString());
  const { getByRole } = await show(
    <Headline status={GOOD} live={{ data: GOOD, at: AT, error: null }} alerts={undefined} incidents={[]} />,
  );
  assert.match(getByRole("region").textContent ?? "", /operational.*All clear/);
  assert.equal(document.title, "operational · Callwatch");
  await settle(() => mock.timers.tick(110_000));
  assert.match(getByRole("region").textContent ?? "", /All clear/);
  await settle(() => mock.timers.tick(20_000));
  assert.match(getByRole("region").textContent ?? "", /The current state is unknown\. It was operational 2 min ago\./);
  assert.equal(document.title, "unknown · Callwatch");
  mock.timers.reset();
});

test("a hidden tab whose timers were late is unknown as soon as it is seen", async () => {
  mock.timers.enable({ apis: ["setInterval", "Date"], now: AT });
  adoptServerTime(new Date(AT).toUTCString());
  const { getByRole } = await show(
    <Headline status={GOOD} live={{ data: GOOD, at: AT, error: null }} alerts={undefined} incidents={[]} />,
  );
  await settle(() => setHidden(true));
  mock.timers.setTime(AT + 600_000);
  await settle(() => setHidden(false));
  assert.match(getByRole("region").textContent ?? "", /It was operational 10 min ago/);
  mock.timers.reset();
});

test("an outage names the oldest issues and how many more there are", async () => {
  const issue = (title: string, minute: number) => ({
    title,
    since: `2026-11-24T09:${minute}:00Z`,
    type: "error",
    rule_id: title,
    message: "text that may say: anything",
  });
  const status = {
    ...GOOD,
    status: "outage",
    issues: [issue("c", 30), issue("a", 10), issue("b", 20), issue("d", 40)],
  } as Status;
  const { getByRole } = await show(
    <Headline status={status} live={{ data: status, at: AT, error: null }} alerts={undefined} incidents={[]} />,
  );
  assert.match(getByRole("region").textContent ?? "", /Something is down for .*: a, b, c, and 1 more\./);
});

test("an outage with incidents says the worst of them in its own words", async () => {
  const status = { ...GOOD, status: "outage" } as Status;
  const incidents = [
    { id: "1", sentence: "OpenAI quota used up: 32 calls wait for analysis since 13:05 UTC" },
    { id: "2", sentence: "Cron rollup is late" },
  ] as Incident[];
  const { getByRole } = await show(
    <Headline status={status} live={{ data: status, at: AT, error: null }} alerts={undefined} incidents={incidents} />,
  );
  assert.match(getByRole("region").textContent ?? "", /OpenAI quota used up: 32 calls wait .* UTC, and 1 more incident\./);
});
