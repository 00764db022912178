/** Notifications of the browser: off until a click, once an incident, and without a word of what it is about. */

import "./support/dom";
import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { switchNotifications } from "../src/features/notifications/notified";
import { Notifier } from "../src/features/notifications/notifier";
import { NotificationSwitch } from "../src/features/notifications/switch";
import { signIn } from "../src/lib/api/session";
import type { Incident, Overview } from "../src/lib/api/types";
import { areNotificationsOn } from "../src/lib/notifications";
import { stopPolling } from "../src/lib/polling/scheduler";
import { clear, settle, show } from "./support/render";
import { GOOD } from "./support/samples";

let shown: { title: string; body: string }[] = [];
let asked = 0;
let reply = "granted";
let isBroken = false;

class Shown {
  static permission = "default";
  static async requestPermission() {
    asked += 1;
    Shown.permission = reply;
    return reply;
  }
  constructor(title: string, options: { body: string }) {
    if (isBroken) throw new TypeError("Illegal constructor");
    shown.push({ title, body: options.body });
  }
}

beforeEach(() => {
  shown = [];
  asked = 0;
  reply = "granted";
  isBroken = false;
  Shown.permission = "default";
  localStorage.clear();
  Object.defineProperty(globalThis, "Notification", { value: Shown, configurable: true });
  mock.method(globalThis, "fetch", async () => Response.json(GOOD));
  signIn("a-token");
});

afterEach(async () => {
  await clear();
  stopPolling();
  mock.restoreAll();
});

const SECRET = "the caller Jane Roe at +1 555 0100";
const critical = (id: string, more: Partial<Incident> = {}) =>
  ({
    id,
    level: "critical",
    state: "open",
    silenced_until: null,
    started_at: "2026-11-24T09:30:00Z",
    title: SECRET,
    sentence: SECRET,
    ...more,
  }) as Incident;
const overview = (...incidents: Incident[]): Overview => ({ ...GOOD, incidents });

function allow() {
  Shown.permission = "granted";
  switchNotifications(true);
}

test("nothing is asked or shown until a person switches it on", async () => {
  await show(<Notifier overview={overview(critical("1"))} />);
  const { getByRole } = await show(<NotificationSwitch />);
  await settle();
  assert.deepEqual([asked, shown.length, areNotificationsOn()], [0, 0, false]);
  await settle(() => getByRole("button", { name: "Switch on" }).click());
  assert.deepEqual([asked, shown.length, areNotificationsOn()], [1, 1, true]);
  await settle(() => getByRole("button", { name: "Switch off" }).click());
  assert.deepEqual([asked, shown.length, areNotificationsOn()], [1, 1, false]);
});

test("a refusal, and a browser that cannot, keep it off and say so", async () => {
  reply = "denied";
  const { getByRole } = await show(<NotificationSwitch />);
  await settle(() => getByRole("button", { name: "Switch on" }).click());
  assert.match(getByRole("alert").textContent ?? "", /does not allow it/);
  reply = "granted";
  isBroken = true;
  await settle(() => getByRole("button", { name: "Switch on" }).click());
  assert.match(getByRole("alert").textContent ?? "", /shows no notifications of a page/);
  assert.equal(areNotificationsOn(), false);
});

test("a critical incident is notified once, in every tab and after a reload", async () => {
  allow();
  const { update } = await show(<Notifier overview={overview(critical("1"))} />);
  await update(<Notifier overview={overview(critical("1"))} />);
  await show(<Notifier overview={overview(critical("1"), critical("2"))} />);
  assert.equal(shown.length, 2);
});

test("only open, unsilenced criticals are notified, without private text", async () => {
  allow();
  const others = [
    critical("1", { level: "error" }),
    critical("2", { state: "resolved" }),
    critical("3", { silenced_until: "2026-11-24T12:00:00Z" }),
  ];
  await show(<Notifier overview={overview(...others, critical("4"))} />);
  assert.equal(shown.length, 1);
  for (const word of SECRET.split(/\s+/)) {
    if (word.length > 3) assert.ok(!`${shown[0]?.title} ${shown[0]?.body}`.includes(word), word);
  }
});

test("a withdrawn permission ends it", async () => {
  allow();
  Shown.permission = "denied";
  await show(<Notifier overview={overview(critical("1"))} />);
  assert.equal(shown.length, 0);
});
