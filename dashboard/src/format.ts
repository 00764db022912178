/** Figures, spans and times as text for people. */

import { now } from "./now";

const plain = new Intl.NumberFormat(undefined, { maximumFractionDigits: 2 });
// What is little is not nothing.
const tiny = new Intl.NumberFormat(undefined, { maximumSignificantDigits: 2 });
const short = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1, notation: "compact" });
const whole = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
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

export function number(value: number): string {
  const size = Math.abs(value);
  if (size > 0 && size < 0.01) return tiny.format(value);
  return size >= 1000 ? whole.format(value) : plain.format(value);
}

export function compact(value: number): string {
  return Math.abs(value) < 1000 ? number(value) : short.format(value);
}

/** A span given in ms: "840 ms", "3.2 s". */
export function ms(value: number): string {
  return value < 1000 ? `${number(Math.round(value * 10) / 10)} ms` : seconds(value / 1000);
}

/** A span given in s: "12 s", "3 min", "2 h 5 min", "4 d 1 h". */
export function seconds(value: number): string {
  if (value < 60) return `${plain.format(Math.round(value * 10) / 10)} s`;
  if (value < 3600) return `${Math.floor(value / 60)} min`;
  if (value < 86400) return pair(Math.floor(value / 3600), "h", Math.floor((value % 3600) / 60), "min");
  return pair(Math.floor(value / 86400), "d", Math.floor((value % 86400) / 3600), "h");
}

/** 0..1 as percent. */
export function share(value: number): string {
  return percent(value * 100);
}

/** 0..100 as percent; 99.996 must not read as 100, nor 0.004 as 0. */
export function percent(value: number): string {
  if (value > 0 && value < 0.01) return "< 0.01 %";
  const shown = value < 100 && value > 99.99 ? Math.floor(value * 1000) / 1000 : Math.round(value * 100) / 100;
  return `${shown} %`;
}

export function megabytes(value: number): string {
  return value < 1024 ? `${number(Math.round(value))} MB` : `${number(value / 1024)} GB`;
}

/** A figure with the unit that the API names. */
export function inUnit(value: number, unit: string): string {
  if (unit === "ms") return ms(value);
  if (unit === "s") return seconds(value);
  if (unit === "ratio" || unit === "share") return share(value);
  if (unit === "percent" || unit === "%") return percent(value);
  return number(value);
}

export function elapsed(since: string | number, at = now()): string {
  return seconds(Math.max(0, Math.round((at - new Date(since).getTime()) / 1000)));
}

/** The reader's own zone: "14:02" today, "Nov 24, 14:02" else. */
export function localTime(at: string | number): string {
  const when = new Date(at);
  return when.toDateString() === new Date().toDateString() ? clock.format(when) : full.format(when);
}

export function utcTime(at: string | number): string {
  return `${new Date(at).toISOString().replace("T", " ").slice(0, 19)} UTC`;
}

/** A mark on a time axis: the hour, and the day where one begins. */
export function tick(at: number, spanS: number): string {
  const when = new Date(at * 1000);
  const isMidnight = when.getHours() === 0 && when.getMinutes() === 0;
  return spanS > 2 * 86400 || isMidnight ? day.format(when) : clock.format(when);
}

/** "Aug 22 2026": a UTC day's name. */
export function dayName(date: string): string {
  return utcDay.format(new Date(`${date}T00:00:00Z`)).replace(",", "");
}

/** "calls_processed_last_hour" as words. */
export function words(name: string): string {
  return name.replaceAll("_", " ");
}

const BRANDS: Record<string, string> = { openai: "OpenAI" };

export function serviceName(name: string): string {
  return BRANDS[name] ?? `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
}

function pair(first: number, firstUnit: string, second: number, secondUnit: string): string {
  return second ? `${first} ${firstUnit} ${second} ${secondUnit}` : `${first} ${firstUnit}`;
}
