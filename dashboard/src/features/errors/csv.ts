/** Error groups as a CSV file of what is shown. */

import type { ErrorGroup } from "../../lib/api/types";
import { countToday } from "./group-order";

const COLUMNS: [string, (group: ErrorGroup) => string | number | null][] = [
  ["id", ({ id }) => id],
  ["title", ({ title }) => title],
  ["type", ({ type }) => type],
  ["state", ({ state }) => state],
  ["severity", ({ severity }) => severity],
  ["level", ({ level }) => level],
  ["category", ({ category }) => category],
  ["environment", ({ environment }) => environment],
  ["release", ({ release }) => release],
  ["owner", ({ assigned_to }) => assigned_to],
  ["first_seen_at", ({ first_seen_at }) => first_seen_at],
  ["last_seen_at", ({ last_seen_at }) => last_seen_at],
  ["count_24h", countToday],
  ["count", ({ count }) => count],
  ["users", ({ users }) => users],
];

export function buildCsv(groups: ErrorGroup[]): string {
  const rows = groups.map((group) => COLUMNS.map(([, read]) => quoteCell(read(group))).join(","));
  return `${[COLUMNS.map(([name]) => name).join(","), ...rows].join("\r\n")}\r\n`;
}

/** A cell. Spreadsheets run a text that begins like a formula, and errors hold what strangers wrote. */
function quoteCell(value: string | number | null | undefined): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return String(value);
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return `"${text.replaceAll('"', '""')}"`;
}
