/** The search box: what it asks for, what it shows, and its keys. */

import "./support/dom";
import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { SearchBox } from "../src/features/search/search";
import { signIn } from "../src/lib/api/session";
import { clear, settle, show } from "./support/render";

const PAGE = { items: [], next_cursor: null, unknown: {} };
const HOSTILE = "<img src=x onerror=alert(1)>";
const RESPONSES: Record<string, unknown> = {
  "/api/errors": {
    ...PAGE,
    items: [{ id: "7", title: HOSTILE, severity: "high", state: "new", environment: "production" }],
    next_cursor: "more",
  },
  "/api/rules": { ...PAGE, items: [{ id: "slow_route", name: "Slow route", state: "ok" }] },
  "/api/metrics/system": { api: { by_route: [{ route: "GET /slow" }, { route: "GET /fast" }] }, unknown: {} },
};
let asked: string[] = [];
let failing = "";

beforeEach(() => {
  asked = [];
  failing = "";
  mock.timers.enable({ apis: ["setTimeout"] });
  mock.method(globalThis, "fetch", async (path: string) => {
    asked.push(path);
    const name = path.replace(/\?.*/, "");
    if (name === failing) return Response.json({ error: { message: "the database is down" } }, { status: 503 });
    if (name.startsWith("/api/calls/") && name !== "/api/calls/call-101") return Response.json({}, { status: 404 });
    return Response.json(name.startsWith("/api/calls/") ? { id: "call-101", unknown: {} } : (RESPONSES[name] ?? PAGE));
  });
  signIn("a-token");
});

afterEach(async () => {
  await clear();
  mock.timers.reset();
  mock.restoreAll();
});

async function open() {
  const shown = await show(<SearchBox close={() => {}} />);
  const field = shown.place.querySelector("input") as HTMLInputElement;
  const type = async (text: string, pauseMs = 300) => {
    await settle(() => {
      field.value = text;
      field.dispatchEvent(new Event("input", { bubbles: true }));
    });
    await settle(() => mock.timers.tick(pauseMs));
    await settle();
  };
  const press = (key: string) =>
    settle(() => void field.dispatchEvent(Object.assign(new Event("keydown", { bubbles: true }), { key })));
  const list = () => [...shown.place.querySelectorAll("[role=option]")].map(({ textContent }) => textContent);
  return { ...shown, field, type, press, list };
}

test("nothing is sent for fewer than two characters, nor before a pause", async () => {
  const { type } = await open();
  await type("s");
  await type("  s ");
  await type("sl", 100);
  assert.equal(asked.length, 0);
  await type("slow", 300);
  assert.equal(asked.length, 5);
  assert.ok(asked.every((path) => !path.includes("q=sl&")));
});

test("results are grouped, and their text is shown as text", async () => {
  const { type, list, place } = await open();
  await type("slow");
  assert.deepEqual(list(), [`${HOSTILE} high, new, production`, "Slow route ok", "GET /slow last 5 minutes", ...list().slice(3)]);
  assert.equal(place.querySelector("img"), null);
  assert.match(place.textContent ?? "", /Errors, the first/);
});

test("a call is looked up only by what may be an id", async () => {
  const { type, list } = await open();
  await type("slow call 1");
  assert.ok(!asked.some((path) => path.startsWith("/api/calls/")));
  await type("call-101");
  assert.equal(list()[0], "call-101 call");
  await type("call-102");
  assert.ok(!list().includes("call-102 call"));
});

test("all texts share one list of routes", async () => {
  const { type } = await open();
  await type("slow");
  await type("fast");
  assert.equal(asked.filter((path) => path === "/api/metrics/system").length, 1);
});

test("a kind that cannot be searched is unknown and hides no other", async () => {
  const { type, list, getByText } = await open();
  failing = "/api/errors";
  await type("slow");
  getByText(/Errors unknown: the database is down/);
  assert.equal(list()[0], "Slow route ok");
});

test("arrow keys choose around the ends, and Enter opens", async () => {
  const { type, press, field, place } = await open();
  await type("slow");
  const chosen = () => place.querySelector("[aria-selected=true]")?.textContent;
  await press("ArrowUp");
  assert.equal(field.getAttribute("aria-activedescendant"), place.querySelector("[aria-selected=true]")?.id);
  await press("ArrowDown");
  await press("ArrowDown");
  assert.equal(chosen(), "Slow route ok");
  await press("Enter");
  assert.equal(location.hash, "#/rules?q=slow_route");
});

test("an event's id opens that occurrence", async () => {
  const { type, press } = await open();
  await type(`${"A".repeat(31)}1`);
  await press("Enter");
  assert.equal(location.hash, `#/errors/7?event=${"a".repeat(31)}1`);
});
