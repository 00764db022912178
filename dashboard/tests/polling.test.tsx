/** Polling: one request for all who show a response, the last good one stays, and a pause requests nothing. */

import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { getToken, signIn } from "../src/lib/api/session";
import { refresh, setPaused, startPolling, stopPolling } from "../src/lib/polling/scheduler";
import { useLive, usePolling } from "../src/lib/polling/use-live";
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
