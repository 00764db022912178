/** Figures and times for people. What is not known is said so, with its reason; never 0, never blank. */

import { h } from "./dom.js";

/**
 * A figure, or "unknown" with the reason why.
 * @param {any} value
 * @param {string} path dotted path in the answer
 * @param {Record<string, string>} unknown the answer's reasons
 * @param {(value: any) => string} [show]
 * @returns {HTMLElement}
 */
export function figure(value, path, unknown, show = number) {
  if (value === null || value === undefined) {
    const reason = unknown[path] ?? "not known";
    return h("span", { class: "unknown", title: reason }, "unknown", h("small", {}, ` ${reason}`));
  }
  return h("span", { class: "figure" }, show(value));
}

/** @param {number} value */
export function number(value) {
  return Number(value).toLocaleString(undefined, { maximumFractionDigits: 2 });
}

/** @param {number} value */
export function ms(value) {
  return `${number(value)} ms`;
}

/** @param {number} value 0..1 */
export function share(value) {
  return `${number(value * 100)} %`;
}

/** @param {number} value 0..100 */
export function percent(value) {
  return `${number(value)} %`;
}

/**
 * A time in the reader's zone, with UTC on hover.
 * @param {string} iso
 * @returns {HTMLElement}
 */
export function time(iso) {
  const at = new Date(iso);
  return h("time", { datetime: iso, title: `${at.toISOString().replace("T", " ").slice(0, 19)} UTC` }, at.toLocaleString());
}

/**
 * How long ago, in words.
 * @param {string | number} since
 * @returns {string}
 */
export function ago(since) {
  const seconds = Math.max(0, Math.round((Date.now() - new Date(since).getTime()) / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86400)} d ${Math.floor((seconds % 86400) / 3600)} h`;
}
