/** The time by the API's clock, under a reader's clock that is wrong or is set. */

import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";
import { adoptServerTime, now } from "../src/lib/time/now";

const SERVER = Date.parse("2026-11-24T10:00:00Z");
const HOUR = 3_600_000;
let wall = SERVER;
let steady = 0;

beforeEach(() => {
  mock.restoreAll();
  wall = SERVER;
  steady = 1_000_000;
  mock.method(Date, "now", () => wall);
  mock.method(performance, "now", () => steady);
  adoptServerTime(new Date(SERVER).toUTCString());
});

function pass(ms: number): void {
  wall += ms;
  steady += ms;
}

test("a clock that is wrong by hours gives the API's time", () => {
  for (const wrong of [-3 * HOUR, 3 * HOUR]) {
    wall = SERVER + wrong;
    adoptServerTime(new Date(SERVER).toUTCString());
    pass(60_000);
    assert.equal(now(), SERVER + 60_000);
  }
});

test("a clock that is right keeps its fractions of a second", () => {
  wall = SERVER + 400;
  adoptServerTime(new Date(SERVER).toUTCString());
  assert.equal(now(), SERVER + 400);
});

test("a clock that is set back while the page is open makes nothing younger", () => {
  const at = now();
  pass(300_000);
  wall -= HOUR;
  assert.equal(now() - at, 300_000);
});

test("a device that sleeps, and with it the steady clock, still ages its data", () => {
  const at = now();
  wall += 300_000;
  assert.equal(now() - at, 300_000);
});

test("a response without a valid date changes nothing", () => {
  wall = SERVER + HOUR;
  steady += HOUR;
  for (const header of [null, "", "soon"]) adoptServerTime(header);
  assert.equal(now(), SERVER + HOUR);
});
