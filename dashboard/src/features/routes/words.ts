/** Describes a route in words. The API has checked it; a field that has no words here is shown as it is. */

import type { RouteItem } from "../../lib/api/types";
import { formatSeconds } from "../../lib/format/numbers";

/** Each part of a route: its name and what it says. */
export function describe({ definition, matches_all }: RouteItem): [string, string][] {
  const { name, match, channels, ...others } = definition;
  const parts: [string, string][] = matches_all
    ? [["matches", "every alert that no route above takes"]]
    : Object.entries(isObject(match) ? match : {}).map(([part, value]) => [part, showPart(part, value)]);
  return [
    ...parts,
    ...Object.entries(others).map(([part, value]): [string, string] => [NAMES[part] ?? part, showPart(part, value)]),
  ];
}

const NAMES: Record<string, string> = {
  group_by: "one notification for each",
  wait_s: "waits for further alerts",
  repeat_s: "repeats",
  escalation: "while nobody takes it",
  quiet_hours: "only critical alerts",
};

function showPart(part: string, value: unknown): string {
  if ((part === "hours" || part === "quiet_hours") && isObject(value)) return showWindow(value);
  if (part === "digest" && isObject(value)) return `alerts of level info, at ${value.at} ${value.timezone}`;
  if (part === "wait_s" || (part === "repeat_s" && typeof value === "number"))
    return `${part === "repeat_s" ? "every " : ""}${formatSeconds(Number(value))}`;
  if (part === "repeat_s" && isObject(value))
    return Object.entries(value)
      .map(([level, seconds]) => `${level} ${seconds === null ? "never" : `every ${formatSeconds(Number(seconds))}`}`)
      .join(", ");
  if (part === "labels" && isObject(value)) return Object.entries(value).map(showTest).join(" and ");
  if (part === "group_by" && Array.isArray(value)) return value.join(", ") || "the whole route";
  if (part === "escalation" && Array.isArray(value)) return value.map(showStep).join(", ");
  return Array.isArray(value) ? value.join(" or ") : typeof value === "string" ? value : JSON.stringify(value);
}

function showTest([label, test]: [string, unknown]): string {
  return isObject(test) ? `${label} ${test.op} ${test.value}` : `${label} = ${test}`;
}

function showStep(step: { after_s: number; channels: string[] }): string {
  return `after ${formatSeconds(step.after_s)} ${step.channels.join(" and ")}`;
}

function showWindow({ days, start, duration_s, timezone }: Record<string, unknown>): string {
  return `${Array.isArray(days) ? days.join(" ") : ""} from ${start} for ${formatSeconds(Number(duration_s))}, ${timezone}`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The labels that a person writes: `stage=recordings, service=openai`; null where it is not of that form. */
export function readLabels(text: string): Record<string, string> | null {
  const entries = text
    .split(/[,\n]/)
    .map((entry) => entry.trim())
    .filter(Boolean)
    .map((entry) => /^([^=]+)=(.*)$/.exec(entry));
  if (entries.includes(null)) return null;
  return Object.fromEntries(entries.map((found) => [found?.[1]?.trim() ?? "", found?.[2]?.trim() ?? ""]));
}
