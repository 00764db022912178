/** The page: asks for the token, refreshes every 30 s, keeps the last good data when the API is away. */

import { ApiError, ask, keepToken, token } from "./api.js";
import { byId, h } from "./dom.js";
import { ago } from "./format.js";
import {
  activityPanel, alertsPanel, errorsPanel, headline, performancePanel, queuesPanel, resourcesPanel, servicesPanel,
} from "./panels.js";

const REFRESH_MS = 30_000;
const LINKS = ["health", "status", "metrics/system", "metrics/jobs", "metrics/errors", "pipeline", "alerts", "rules", "uptime"];

/** @type {{at: number, mayAct: boolean, isPaused: boolean, timer: number | undefined}} */
const state = { at: 0, mayAct: false, isPaused: false, timer: undefined };

/** Ask everything the first view needs, and show it; on failure the last good data stays. */
async function refresh() {
  clearTimeout(state.timer);
  try {
    const [status, health, errors, alerts] = await Promise.all([
      ask("/api/status"),
      ask("/api/health"),
      ask("/api/metrics/errors"),
      // A dead database has no alerts to give; what is wrong then stands in the status.
      ask("/api/alerts?state=firing&limit=100").catch((error) => {
        if (error.status === 503) return null;
        throw error;
      }),
    ]);
    state.at = Date.now();
    state.mayAct = status.caller.role === "admin";
    show(status, health, errors, alerts ?? { items: status.issues.map(fromIssue) });
    banner("");
  } catch (error) {
    failed(error);
  }
  if (token() && !state.isPaused) state.timer = window.setTimeout(refresh, REFRESH_MS);
}

/** @param {any} issue */
function fromIssue(issue) {
  return { ...issue, id: "", level: issue.type, title: "", started_at: issue.since, acknowledged_by: "-", runbook_url: `/admin/assets/runbooks/${issue.rule_id}.md` };
}

/** @param {any} error */
function failed(error) {
  if (error instanceof ApiError && error.status === 401) {
    keepToken(null);
    signIn("This token is not valid.");
    return;
  }
  const since = state.at ? `These figures are stale: they are ${ago(state.at)} old.` : "";
  banner(`${error instanceof ApiError ? error.message : "The page failed"}. ${since}`);
}

/** @param {any} status @param {any} health @param {any} errors @param {any} alerts */
function show(status, health, errors, alerts) {
  byId("main").replaceChildren(
    headline(status),
    alertsPanel(alerts, state.mayAct ? acknowledge : null),
    servicesPanel(health),
    queuesPanel(status),
    errorsPanel(errors),
    performancePanel(status),
    activityPanel(status),
    resourcesPanel(health),
  );
  document.title = `${status.status} · Callwatch`;
  const links = LINKS.map((name) => h("li", {}, h("a", { href: `/api/${name}`, onclick: raw }, name)));
  byId("footer").replaceChildren(h("ul", { class: "links", "aria-label": "Raw answers" }, ...links));
}

/**
 * Show a raw answer: a plain link would carry no token.
 * @param {Event} event
 */
async function raw(event) {
  event.preventDefault();
  const path = new URL(/** @type {HTMLAnchorElement} */ (event.currentTarget).href).pathname;
  const text = await ask(path).then((answer) => JSON.stringify(answer, null, 2), (error) => String(error.message));
  const dialog = /** @type {HTMLDialogElement} */ (h("dialog", { "aria-label": path }, h("h2", {}, path), h("pre", { tabindex: "0" }, text)));
  dialog.append(h("button", { onclick: () => dialog.close() }, "Close"));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

/** @param {string} id */
async function acknowledge(id) {
  const reason = window.prompt("Why, or who takes care of it?");
  if (!reason) return;
  try {
    await ask(`/api/alerts/${encodeURIComponent(id)}/acknowledge`, { method: "POST", body: { reason } });
  } catch (error) {
    failed(error);
    return;
  }
  await refresh();
}

/** @param {string} text */
function banner(text) {
  const element = byId("banner");
  element.hidden = !text;
  element.textContent = text;
}

/** @param {string} [message] */
function signIn(message = "") {
  clearTimeout(state.timer);
  const input = /** @type {HTMLInputElement} */ (
    h("input", { type: "password", id: "token", autocomplete: "off", required: true, "aria-describedby": "hint" })
  );
  const form = h(
    "form",
    {
      class: "panel sign-in",
      onsubmit: (event) => {
        event.preventDefault();
        keepToken(input.value.trim());
        start();
      },
    },
    h("h2", {}, "Sign in"),
    h("label", { for: "token" }, "Token"),
    input,
    h("p", { id: "hint" }, message || "A viewer or admin token. It is kept in this tab alone."),
    h("button", { type: "submit" }, "Open"),
  );
  byId("main").replaceChildren(form);
  byId("actions").replaceChildren();
  byId("age").textContent = "";
  banner("");
  input.focus();
}

async function start() {
  if (!token()) {
    signIn();
    return;
  }
  const pause = h("button", { "aria-pressed": "false", onclick: () => togglePause(pause) }, "Pause");
  byId("actions").replaceChildren(
    h("button", { onclick: () => refresh() }, "Refresh"),
    pause,
    h("button", { onclick: () => { keepToken(null); signIn(); } }, "Sign out"),
  );
  await refresh();
}

/** @param {HTMLElement} button */
function togglePause(button) {
  state.isPaused = !state.isPaused;
  button.setAttribute("aria-pressed", String(state.isPaused));
  button.textContent = state.isPaused ? "Resume" : "Pause";
  if (!state.isPaused) refresh();
  else clearTimeout(state.timer);
}

setInterval(() => {
  byId("age").textContent = state.at && token() ? `as of ${ago(state.at)} ago` : "";
}, 1000);
document.addEventListener("visibilitychange", () => {
  if (document.hidden) clearTimeout(state.timer);
  else if (token() && !state.isPaused) refresh();
});
start();
