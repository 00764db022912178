/** The banner: what fails, and that a paused page shows old data. */

import "./support/dom";
import assert from "node:assert/strict";
import { test } from "node:test";
import { describeAge, describeFailures } from "../src/features/frame/banner";
import { ApiError } from "../src/lib/api/client";
import { measureFreshness } from "../src/lib/polling/freshness";
import { AT } from "./support/samples";

const PAGE = { isPaused: false, rounds: 1 };
const status = { path: "/api/status", at: AT, error: null, isSlow: false };
const uptime = { path: "/api/uptime", at: 0, error: new ApiError(500, "Internal Server Error"), isSlow: false };

test("a part that fails is named by its path", () => {
  const { title, text } = describeFailures({ ...PAGE, ...measureFreshness([status, uptime]) });
  assert.deepEqual([title, text], ["Partly unknown:", "Internal Server Error (/api/uptime). The page retries automatically."]);
});

test("a page that fails as a whole says since when its data is old", () => {
  const { title, text } = describeFailures({ ...PAGE, ...measureFreshness([{ ...uptime, at: AT }]) });
  assert.match(title, /^Stale since /);
  assert.equal(text, "Internal Server Error. The page shows the last good data and retries automatically.");
});

test("a page that never had data and fails as a whole is unknown, and not partly", () => {
  const { title, text } = describeFailures({ ...PAGE, ...measureFreshness([uptime, { ...uptime, path: "/api/overview" }]) });
  assert.deepEqual([title, text], ["Unknown:", "Internal Server Error. The page retries automatically."]);
});

test("a page that is paused for minutes says that its data is old", () => {
  const paused = { ...PAGE, ...measureFreshness([status]), isPaused: true };
  assert.equal(describeAge(paused, AT + 60_000), null);
  assert.match(describeAge(paused, AT + 180_000)?.text ?? "", /^The page is paused/);
  assert.equal(describeAge({ ...PAGE, ...measureFreshness([]), isPaused: true }, AT), null);
});
