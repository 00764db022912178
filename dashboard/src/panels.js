/** The panels of the first view, each made of one answer of the API. */

import { h } from "./dom.js";
import { ago, figure, ms, number, percent, share, time } from "./format.js";

/** @type {Record<string, string>} Signs beside words: colour is never the only sign. */
const SIGNS = {
  operational: "✓", healthy: "✓", resolved: "✓",
  degraded: "▲", warning: "▲",
  outage: "✕", down: "✕", unhealthy: "✕", error: "✕", critical: "✕",
  unknown: "?", info: "i",
};

/**
 * @param {string} word
 * @returns {HTMLElement}
 */
export function badge(word) {
  return h("span", { class: `badge ${word}` }, h("span", { "aria-hidden": "true" }, `${SIGNS[word] ?? "•"} `), word);
}

/**
 * @param {string} title
 * @param {...any} children
 */
function panel(title, ...children) {
  return h("section", { class: "panel", "aria-label": title }, h("h2", {}, title), ...children);
}

/** @param {[string, any][]} rows */
function list(rows) {
  return h("dl", {}, ...rows.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

/** @param {any} status */
export function headline(status) {
  const worst = status.issues[0];
  const word = { operational: "Everything works.", degraded: "Degraded", outage: "Outage" }[/** @type {string} */ (status.status)];
  return h(
    "section",
    { class: `headline ${status.status}`, "aria-label": "State" },
    badge(status.status),
    h("p", {}, word ?? status.status, worst ? ` for ${ago(worst.since)}: ${worst.message}` : ""),
  );
}

/**
 * @param {any} alerts
 * @param {((id: string) => void) | null} acknowledge null where the reader may not
 */
export function alertsPanel(alerts, acknowledge) {
  const rows = alerts.items.map((/** @type {any} */ alert) =>
    h(
      "li",
      { class: `alert ${alert.level}`, "data-rule": alert.rule_id },
      badge(alert.level),
      h("strong", {}, alert.title),
      h("span", {}, alert.message),
      h("small", {}, "since ", time(alert.started_at), ` (${ago(alert.started_at)})`),
      alert.acknowledged_by && h("small", {}, `acknowledged by ${alert.acknowledged_by}`),
      alert.suppressed_by && h("small", {}, `follows from ${alert.suppressed_by}`),
      h("a", { href: alert.runbook_url, rel: "noopener" }, "Runbook"),
      acknowledge && !alert.acknowledged_by && h("button", { onclick: () => acknowledge(alert.id) }, "Acknowledge"),
    ),
  );
  return panel("What is wrong now", rows.length ? h("ul", { class: "alerts" }, ...rows) : h("p", {}, "No alert fires."));
}

/** @param {any} health */
export function servicesPanel(health) {
  const rows = Object.entries(health.services).map(([name, service]) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, name),
      h("td", {}, badge(service.status)),
      h("td", {}, service.reason?.replaceAll("_", " ") ?? ""),
      h("td", {}, figure(service.latency, `services.${name}.latency`, health.unknown, ms)),
    ),
  );
  const head = ["Service", "State", "Reason", "Latency"].map((name) => h("th", { scope: "col" }, name));
  return panel("Services", h("div", { class: "scroll" }, h("table", {}, h("thead", {}, h("tr", {}, ...head)), h("tbody", {}, ...rows))));
}

/** @param {any} status */
export function queuesPanel(status) {
  const parts = Object.entries(status.services.queues).map(([queue, figures]) =>
    h(
      "div",
      {},
      h("h3", {}, queue),
      list(
        Object.entries(figures).map(([name, value]) => [
          name.replaceAll("_", " "),
          figure(value, `services.queues.${queue}.${name}`, status.unknown),
        ]),
      ),
    ),
  );
  return panel("Queues", h("div", { class: "columns" }, ...parts));
}

/** @param {any} errors */
export function errorsPanel(errors) {
  const { summary, unknown } = errors;
  const names = ["total_1h", "total_24h", "critical", "high", "medium", "low", "unresolved", "buffer_size"];
  const top = (errors.top_errors ?? []).map((/** @type {any} */ error) =>
    h("li", {}, h("span", { class: "count" }, `${number(error.count)} ×`), badge(error.severity), h("span", { class: "message" }, error.message)),
  );
  return panel(
    "Errors",
    list(names.map((name) => [name.replaceAll("_", " "), figure(summary[name], `summary.${name}`, unknown)])),
    top.length ? h("ol", { class: "top" }, ...top) : h("p", {}, errors.top_errors ? "No errors in 24 hours." : "unknown"),
  );
}

/** @param {any} status */
export function performancePanel(status) {
  const { performance: found, unknown } = status;
  return panel(
    "Performance",
    list([
      ["average", figure(found.avg_response_time_ms, "performance.avg_response_time_ms", unknown, ms)],
      ["p95", figure(found.p95_ms, "performance.p95_ms", unknown, ms)],
      ["requests a minute", figure(found.requests_per_minute, "performance.requests_per_minute", unknown)],
      ["error rate", figure(found.error_rate, "performance.error_rate", unknown, share)],
    ]),
  );
}

/** @param {any} status */
export function activityPanel(status) {
  const rows = Object.entries(status.recent_activity).map(([name, value]) => [
    name.replace("_last_hour", "").replaceAll("_", " "),
    figure(value, `recent_activity.${name}`, status.unknown),
  ]);
  return panel("The last hour", list(/** @type {[string, any][]} */ (rows)));
}

/** @param {any} health */
export function resourcesPanel(health) {
  const { memory, pool } = health.resources;
  return panel(
    "Resources",
    list([
      ["memory", figure(memory.percent, "resources.memory.percent", health.unknown, percent)],
      ["memory used", figure(memory.used_mb, "resources.memory.used_mb", health.unknown, (v) => `${number(v)} MB`)],
      ["connections in use", figure(pool.utilization, "resources.pool.utilization", health.unknown, percent)],
      ["last cycle", health.monitor.last_cycle_at ? time(health.monitor.last_cycle_at) : figure(null, "monitor.last_cycle_at", health.unknown)],
    ]),
  );
}
