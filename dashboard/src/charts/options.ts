/** Options of uPlot: axes in the reader's time zone, units, dashes in addition to colors, markers. */

import uPlot from "uplot";
import type { Series } from "../lib/api/types";
import { formatCompact, formatMs, formatSeconds, formatShare } from "../lib/format/numbers";
import { formatTick } from "../lib/format/times";
import { getLabel, getTone, type Limit, type Marker } from "./history";
import { orderLayers } from "./stack";

// Lines also differ by their dashes.
const DASHES = [[], [7, 4], [2, 3], [10, 3, 2, 3], [1, 3], [14, 5]];
// The charts share the cursor, not what is dragged.
const isShared = (type: string) => type !== "mousedown" && type !== "mouseup";
const SYNC = { key: "time", filters: { pub: isShared } };
type Held<T> = { current: T };

/** What a chart calls so that a part of it can be shown alone. */
export interface Zoom {
  /** Called after a pointer selected a part. */
  onDrag: (plot: uPlot) => void;
  /** Called with each key on a chart whose cursor stands at a time, in s. */
  onKey: (event: KeyboardEvent, plot: uPlot, at: number) => void;
  /** Called when keys moved the cursor there. */
  onMove: (plot: uPlot, at: number) => void;
}

export function buildOptions(
  element: HTMLElement,
  series: Series[],
  kind: "lines" | "stack",
  markers: Held<Marker[]>,
  span: Held<{ from: number; to: number }>,
  onRow: (row: number | null) => void,
  limits: Limit[],
  zoom?: Zoom,
): uPlot.Options {
  const color = (name: string) => resolveColor(element, name);
  const unit = series[0]?.unit ?? "";
  const line = { stroke: color("--grid"), width: 1 };
  const axis = { stroke: color("--quiet"), grid: line, ticks: { show: false }, font: "11px system-ui, sans-serif" };
  return {
    width: element.clientWidth,
    height: element.clientHeight,
    legend: { show: false },
    cursor: {
      y: false,
      sync: SYNC,
      drag: { x: zoom !== undefined, y: false, setScale: false, dist: 4 },
      points: { show: kind === "lines" },
    },
    scales: {
      x: { range: () => [span.current.from, span.current.to] },
      y: { range: (_plot, _low, high) => [0, getTop(Math.max(high ?? 0, ...limits.map(({ value }) => value)))] },
    },
    axes: [
      {
        ...axis,
        space: 60,
        size: 30,
        values: (_plot, splits) => splits.map((at) => formatTick(at, span.current.to - span.current.from)),
      },
      { ...axis, size: 58, values: (_plot, splits) => splits.map((value) => formatTickValue(value, unit)) },
    ],
    series: [
      {},
      ...orderLayers(
        series.map((one, index) => buildSeries(one, index, kind, color)),
        kind,
      ),
    ],
    hooks: {
      setSelect: [(plot) => zoom?.onDrag(plot)],
      setCursor: [(plot) => onRow(plot.cursor.left !== undefined && plot.cursor.left >= 0 ? (plot.cursor.idx ?? null) : null)],
      draw: [
        (plot) => {
          drawLimits(plot, limits, color("--bad"));
          drawMarkers(plot, markers.current, color);
        },
      ],
    },
  };
}

/** A color of the stylesheet as the canvas takes it: a variable may hold one for dark and one for light. */
function resolveColor(element: HTMLElement, name: string): string {
  element.style.color = `var(${name})`;
  const { color } = getComputedStyle(element);
  element.style.color = "";
  return color;
}

function buildSeries(series: Series, index: number, kind: string, color: (name: string) => string): uPlot.Series {
  const stroke = color(`--${getTone(series, index)}`);
  const label = getLabel(series);
  if (kind === "lines") {
    const dash = series.labels.before ? [1, 4] : (DASHES[index % DASHES.length] ?? []);
    return { label, stroke, width: 1.75, dash, points: { size: 4 }, spanGaps: false };
  }
  return { label, stroke, fill: stroke, width: 0, points: { show: false }, paths: uPlot.paths.bars?.({ size: [0.85, 40] }) };
}

function getTop(high: number): number {
  return high > 0 ? high * 1.1 : 1;
}

function formatTickValue(value: number | null, unit: string): string {
  if (value === null) return "";
  if (unit === "ms") return formatMs(value);
  if (unit === "s") return formatSeconds(value);
  if (unit === "ratio" || unit === "share") return formatShare(value);
  return formatCompact(value);
}

function drawMarkers(plot: uPlot, markers: Marker[], color: (name: string) => string): void {
  const { ctx, bbox } = plot;
  const scale = devicePixelRatio;
  ctx.save();
  for (const marker of markers) {
    const x = plot.valToPos(marker.at, "x", true);
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.strokeStyle = ctx.fillStyle = color(marker.kind === "alert" ? "--bad" : "--link");
    ctx.lineWidth = scale;
    ctx.setLineDash(marker.kind === "alert" ? [2 * scale, 3 * scale] : []);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.beginPath();
    drawHead(ctx, x, bbox.top, 5 * scale, marker.kind);
    ctx.fill();
  }
  ctx.restore();
}

function drawLimits(plot: uPlot, limits: Limit[], color: string): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.strokeStyle = color;
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
  for (const { value } of limits) {
    const y = plot.valToPos(value, "y", true);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
  }
  ctx.restore();
}

/** A triangle that points down for an alert, a diamond for a release or a deploy. */
function drawHead(ctx: CanvasRenderingContext2D, x: number, y: number, size: number, kind: Marker["kind"]): void {
  ctx.moveTo(x - size, y + (kind === "alert" ? 0 : size));
  if (kind !== "alert") ctx.lineTo(x, y);
  ctx.lineTo(x + size, y + (kind === "alert" ? 0 : size));
  ctx.lineTo(x, y + 2 * size * (kind === "alert" ? 0.75 : 1));
  ctx.closePath();
}
