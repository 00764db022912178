/** Times and ages as text for people. */

import { now } from "../time/now";
import { formatSeconds } from "./numbers";

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const day = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" });
const full = new Intl.DateTimeFormat(undefined, {
  month: "short",
  day: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  hourCycle: "h23",
});
const utcDay = new Intl.DateTimeFormat("en-US", { month: "short", day: "numeric", year: "numeric", timeZone: "UTC" });

export function formatElapsed(since: string | number, at = now()): string {
  return formatSeconds(Math.max(0, Math.round((at - new Date(since).getTime()) / 1000)));
}

/** In the reader's time zone: "14:02" today, "Nov 24, 14:02" otherwise. */
export function formatLocalTime(at: string | number): string {
  const when = new Date(at);
  return when.toDateString() === new Date(now()).toDateString() ? clock.format(when) : full.format(when);
}

export function formatUtcTime(at: string | number): string {
  return `${new Date(at).toISOString().replace("T", " ").slice(0, 19)} UTC`;
}

/** A label on a time axis: the hour, or the day at midnight. */
export function formatTick(at: number, spanS: number): string {
  const when = new Date(at * 1000);
  const isMidnight = when.getHours() === 0 && when.getMinutes() === 0;
  return spanS > 2 * 86400 || isMidnight ? day.format(when) : clock.format(when);
}

/** "Aug 22 2026": a UTC day's name. */
export function formatDay(date: string): string {
  return utcDay.format(new Date(`${date}T00:00:00Z`)).replace(",", "");
}
