/** Series of the history as columns of one table: one row per time, a gap where the value is unknown. */

import type { AlertPage, History, Series } from "../lib/api/types";
import { formatInUnit } from "../lib/format/numbers";
import { formatLocalTime } from "../lib/format/times";

export interface Columns {
  /** Seconds since 1970. */
  times: number[];
  values: (number | null)[][];
}

export interface Marker {
  at: number;
  kind: "alert" | "release" | "deploy";
  name: string;
}

/** The threshold of a rule that judges what a chart shows. */
export interface Limit {
  value: number;
  /** "threshold > 3 s, Slow route" */
  name: string;
}

export function buildColumns(series: Series[]): Columns {
  const times = [...new Set(series.flatMap((one) => one.points.map(([at]) => Date.parse(at) / 1000)))].sort((a, b) => a - b);
  const rows = new Map(times.map((at, index) => [at, index]));
  const values = series.map((one) => {
    const column: (number | null)[] = new Array(times.length).fill(null);
    for (const [at, value] of one.points) column[rows.get(Date.parse(at) / 1000) ?? 0] = value;
    return column;
  });
  return { times, values };
}

/** The name of a series: its labels, or its own name where it has none. */
export function getLabel(series: Series): string {
  const labels = Object.values(series.labels);
  return (labels.length ? labels.join(" ") : series.name).replaceAll("_", " ");
}

/** The name of a series' color: a severity has one of its own. */
export function getTone(series: Series, index: number): string {
  if (series.labels.before) return "before";
  return series.labels.severity ? `severity-${series.labels.severity}` : `series-${index % 6}`;
}

/** A sentence per series: latest value, highest value and its time, number of unknown points. */
export function summarize(series: Series[]): string {
  return series.map((one) => summarizeSeries(one)).join(" ");
}

function summarizeSeries(series: Series): string {
  const known = series.points.filter((point): point is [string, number] => point[1] !== null);
  const name = getLabel(series);
  const latest = known.at(-1);
  if (!latest) return `${name}: unknown for the whole range.`;
  const highest = known.reduce((best, point) => (point[1] > best[1] ? point : best), latest);
  const missing = series.points.length - known.length;
  const when = latest === series.points.at(-1) ? "" : ` at ${formatLocalTime(latest[0])}`;
  const gap = missing ? `, unknown at ${missing} of ${series.points.length} points` : "";
  return `${name}: latest ${formatInUnit(latest[1], series.unit)}${when}, highest ${formatInUnit(highest[1], series.unit)} at ${formatLocalTime(highest[0])}${gap}.`;
}

/** The deploys of the history's range. */
export function listDeployMarkers({ deploys }: History): Marker[] {
  return (deploys ?? []).map(({ at, release, environment }) => ({
    at: Date.parse(at) / 1000,
    kind: "deploy",
    name: `${release} ${environment}`,
  }));
}

/** Alerts that started within the history's range; those of one rule in one step share a mark. */
export function listAlertMarkers(history: History, alerts: Pick<AlertPage, "items"> | undefined): Marker[] {
  const [from, to] = [Date.parse(history.from), Date.parse(history.to)];
  const found = new Map<string, Marker>();
  for (const alert of alerts?.items ?? []) {
    const began = Date.parse(alert.started_at);
    const step = Math.floor(began / (history.step_s * 1000));
    if (began >= from && began < to) found.set(`${step} ${alert.title}`, { at: began / 1000, kind: "alert", name: alert.title });
  }
  return [...found.values()];
}
