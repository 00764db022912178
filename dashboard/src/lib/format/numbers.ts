/** Figures and durations as text for people. */

const plain = new Intl.NumberFormat(undefined, { maximumFractionDigits: 2 });
// A small value must not read as 0.
const tiny = new Intl.NumberFormat(undefined, { maximumSignificantDigits: 2 });
const short = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1, notation: "compact" });
const usd = new Intl.NumberFormat(undefined, { style: "currency", currency: "USD", maximumSignificantDigits: 3 });
const whole = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
export function formatNumber(value: number): string {
  const size = Math.abs(value);
  if (size > 0 && size < 0.01) return tiny.format(value);
  return size >= 1000 ? whole.format(value) : plain.format(value);
}

export function formatCompact(value: number): string {
  return Math.abs(value) < 1000 ? formatNumber(value) : short.format(value);
}

/** A duration in ms: "840 ms", "3.2 s". */
export function formatMs(value: number): string {
  return value < 1000 ? `${formatNumber(Math.round(value * 10) / 10)} ms` : formatSeconds(value / 1000);
}

/** A duration in s: "12 s", "3 min", "2 h 5 min", "4 d 1 h". */
export function formatSeconds(value: number): string {
  if (value < 60) return `${plain.format(Math.round(value * 10) / 10)} s`;
  if (value < 3600) return `${Math.floor(value / 60)} min`;
  if (value < 86400) return joinUnits(Math.floor(value / 3600), "h", Math.floor((value % 3600) / 60), "min");
  return joinUnits(Math.floor(value / 86400), "d", Math.floor((value % 86400) / 3600), "h");
}

/** 0..1 as percent. */
export function formatShare(value: number): string {
  return formatPercent(value * 100);
}

/** 0..100 as percent; 99.996 must not read as 100, nor 0.004 as 0. */
export function formatPercent(value: number): string {
  if (value > 0 && value < 0.01) return "< 0.01 %";
  const shown = value < 100 && value > 99.99 ? Math.floor(value * 1000) / 1000 : Math.round(value * 100) / 100;
  return `${shown} %`;
}

/** US dollars, to the third digit that counts: a call costs cents. */
export function formatUsd(value: number): string {
  return value >= 1000 ? `$${whole.format(value)}` : usd.format(value);
}

export function formatMegabytes(value: number): string {
  return value < 1024 ? `${formatNumber(Math.round(value))} MB` : `${formatNumber(value / 1024)} GB`;
}

const STATUSES = ["healthy", "degraded", "unhealthy"];

/** A figure with its unit as the API names it. */
export function formatInUnit(value: number, unit: string | null): string {
  if (unit === "status") return STATUSES[value] ?? formatNumber(value);
  if (unit === "yes") return value ? "yes" : "no";
  if (unit === "times") return `${formatNumber(value)}x`;
  if (unit === "ms") return formatMs(value);
  if (unit === "s") return formatSeconds(value);
  if (unit === "ratio" || unit === "share") return formatShare(value);
  if (unit === "percent" || unit === "%") return formatPercent(value);
  return formatNumber(value);
}

/** The fields of an alert that hold its measured value. */
export interface MeasuredFields {
  value: number | null;
  unit: string | null;
  comparison: string | null;
  threshold: number | null;
  measures?: string | null;
}

/** The measured value, of what, and its threshold: "4.2 s (p95 of a route), threshold > 3 s". A yes or no has no threshold. */
export function describeMeasured({ value, unit, comparison, threshold, measures }: MeasuredFields): string {
  const measured = (value === null ? "value unknown" : formatInUnit(value, unit)) + (measures ? ` (${measures})` : "");
  if (threshold === null || unit === "yes") return measured;
  return `${measured}, threshold ${[comparison, formatInUnit(threshold, unit)].filter(Boolean).join(" ")}`;
}

function joinUnits(first: number, firstUnit: string, second: number, secondUnit: string): string {
  return second ? `${first} ${firstUnit} ${second} ${secondUnit}` : `${first} ${firstUnit}`;
}
