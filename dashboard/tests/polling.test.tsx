/** Polling: one request for all who show a response, the last good one stays, and a pause requests nothing. */

import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { getToken, signIn } from "../src/lib/api/session";
import { refresh, setPaused, startPolling, stopPolling } from "../src/lib/polling/scheduler";
import { useLive, usePolling, useSlow } from "../src/lib/polling/use-live";
import { adoptServerTime } from "../src/lib/time/now";
import { setHidden } from "./support/dom";
import { clear, settle, show } from "./support/render";

let requests: string[] = [];
let respond: (path: string) => Response = () => Response.json({ unknown: {}, value: 1 });

beforeEach(() => {
  requests = [];
  respond = () => Response.json({ unknown: {}, value: 1 });
  mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1_000_000 });
  mock.method(globalThis, "fetch", async (path: string) => {
    requests.push(path);
    return respond(path);
  });
  signIn("a-token");
  startPolling();
});

afterEach(async () => {
  await clear();
  stopPolling();
  mock.restoreAll();
  mock.timers.reset();
});

function Value({ path }: { path: string }) {
  const { data, error } = useLive<{ value: number }>(path);
  return (
    <p>
      {data?.value ?? "nothing"} {error?.message}
    </p>
  );
}

function Failures() {
  return <p role="alert">{usePolling().failures.map(({ message }) => message)}</p>;
}

test("two parts that show one response request it once", async () => {
  const { place } = await show([<Value path="/api/status" />, <Value path="/api/status" />]);
  await settle();
  assert.deepEqual(requests, ["/api/status"]);
  assert.equal(place.textContent, "1 1 ");
});

test("a failed request leaves the last good response, and is repeated soon", async () => {
  const { place, getByRole } = await show([<Value path="/api/status" />, <Failures />]);
  await settle();
  respond = () => Response.json({ error: { message: "not now" } }, { status: 500 });
  await settle(() => mock.timers.tick(30_000));
  assert.match(place.textContent ?? "", /^1 not now/);
  assert.equal(getByRole("alert").textContent, "not now");
  respond = () => Response.json({ unknown: {}, value: 2 });
  await settle(() => mock.timers.tick(5_000));
  assert.equal(place.textContent, "2 ");
  assert.equal(requests.length, 3);
});

function Slow({ path }: { path: string }) {
  return <p>{useSlow<{ value: number }>(path).data?.value}</p>;
}

test("what changes slowly is requested every tenth round, by hand at once, and soon after it failed", async () => {
  adoptServerTime(new Date(1_000_000).toUTCString());
  await show([<Value path="/api/overview" />, <Slow path="/api/uptime" />]);
  await settle();
  requests = [];
  for (let round = 1; round < 10; round += 1) await settle(() => mock.timers.tick(30_000));
  assert.equal(requests.filter((path) => path === "/api/uptime").length, 0);
  assert.equal(requests.length, 9);
  await settle(() => mock.timers.tick(30_000));
  assert.deepEqual(requests.slice(9), ["/api/overview", "/api/uptime"]);
  requests = [];
  respond = () => Response.json({ error: { message: "not now" } }, { status: 500 });
  await settle(() => void refresh());
  await settle(() => mock.timers.tick(5_000));
  assert.equal(requests.filter((path) => path === "/api/uptime").length, 2);
});

test("a response that did not change is kept, and no other token gets it", async () => {
  const known: (string | undefined)[] = [];
  mock.method(globalThis, "fetch", async (_path: string, given: { headers: Record<string, string> }) => {
    const tag = given.headers["if-none-match"];
    known.push(tag);
    return tag
      ? new Response(null, { status: 304, headers: { etag: tag } })
      : Response.json({ unknown: {}, value: 7 }, { headers: { etag: 'W/"a"' } });
  });
  const { place } = await show(<Value path="/api/overview" />);
  await settle();
  await settle(() => void refresh());
  assert.deepEqual(known, [undefined, 'W/"a"']);
  assert.equal(place.textContent, "7 ");
  signIn("another-token");
  await settle(() => void refresh());
  assert.equal(known[2], undefined);
});

test("a page that is limited requests no sooner", async () => {
  respond = () => Response.json({ message: "Too Many Requests" }, { status: 429 });
  await show(<Value path="/api/status" />);
  await settle(() => void refresh());
  requests = [];
  await settle(() => mock.timers.tick(29_000));
  assert.deepEqual(requests, []);
  await settle(() => mock.timers.tick(1_000));
  assert.deepEqual(requests, ["/api/status"]);
});

test("a paused page and a hidden page request nothing until they go on", async () => {
  await show(<Value path="/api/status" />);
  await settle();
  for (const [stop, goOn] of [
    [() => setPaused(true), () => setPaused(false)],
    [() => setHidden(true), () => setHidden(false)],
  ] as const) {
    requests = [];
    await settle(stop);
    await settle(() => mock.timers.tick(600_000));
    assert.deepEqual(requests, []);
    await settle(goOn);
    assert.deepEqual(requests, ["/api/status"]);
  }
});

test("a rejected token ends its own session, and no later one", async () => {
  const held: ((response: Response) => void)[] = [];
  mock.method(globalThis, "fetch", () => new Promise<Response>((resolve) => held.push(resolve)));
  const rejection = () => Response.json({ error: { message: "no" } }, { status: 401 });
  await show(<Value path="/api/status" />);
  signIn("another-token");
  await settle(() => held[0]?.(rejection()));
  assert.equal(getToken(), "another-token");
  await settle(() => void refresh());
  await settle(() => held[1]?.(rejection()));
  assert.equal(getToken(), null);
});

test("a response with a foreign shape is a failure", async () => {
  respond = () => new Response("<html>Sign in</html>");
  const { place } = await show(<Value path="/api/status" />);
  await settle();
  assert.equal(place.textContent, "nothing the response does not come from the API");
});
