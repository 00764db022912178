/** How uPlot is to draw: axes in the reader's zone, units, dashes beside colours, markers. */

import uPlot from "uplot";
import { compact, ms, seconds, share, tick } from "../format";
import type { Series } from "../api-types";
import { inOrder } from "./stack";
import { labelOf, type Marker, toneOf } from "./history";

// Lines differ by their dashes, too.
const DASHES = [[], [7, 4], [2, 3], [10, 3, 2, 3], [1, 3], [14, 5]];
type Held<T> = { current: T };

export function optionsOf(
  element: HTMLElement,
  series: Series[],
  kind: "lines" | "stack",
  markers: Held<Marker[]>,
  span: Held<{ from: number; to: number }>,
  onRow: (row: number | null) => void,
): uPlot.Options {
  const colour = (name: string) => resolved(element, name);
  const unit = series[0]?.unit ?? "";
  const line = { stroke: colour("--grid"), width: 1 };
  const axis = { stroke: colour("--quiet"), grid: line, ticks: { show: false }, font: "11px system-ui, sans-serif" };
  return {
    width: element.clientWidth,
    height: element.clientHeight,
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { show: kind === "lines" } },
    scales: { x: { range: () => [span.current.from, span.current.to] }, y: { range: (_plot, _low, high) => [0, topOf(high)] } },
    axes: [
      {
        ...axis,
        space: 60,
        size: 30,
        values: (_plot, splits) => splits.map((at) => tick(at, span.current.to - span.current.from)),
      },
      { ...axis, size: 58, values: (_plot, splits) => splits.map((value) => shortly(value, unit)) },
    ],
    series: [
      {},
      ...inOrder(
        series.map((one, index) => seriesOption(one, index, kind, colour)),
        kind,
      ),
    ],
    hooks: {
      setCursor: [(plot) => onRow(plot.cursor.left !== undefined && plot.cursor.left >= 0 ? (plot.cursor.idx ?? null) : null)],
      draw: [(plot) => drawMarkers(plot, markers.current, colour)],
    },
  };
}

/** A colour of the stylesheet as the canvas takes it: a variable may hold one for dark and one for light. */
function resolved(element: HTMLElement, name: string): string {
  element.style.color = `var(${name})`;
  const { color } = getComputedStyle(element);
  element.style.color = "";
  return color;
}

function seriesOption(series: Series, index: number, kind: string, colour: (name: string) => string): uPlot.Series {
  const stroke = colour(`--${toneOf(series, index)}`);
  const label = labelOf(series);
  if (kind === "lines") {
    return { label, stroke, width: 1.75, dash: DASHES[index % DASHES.length] ?? [], points: { size: 4 }, spanGaps: false };
  }
  return { label, stroke, fill: stroke, width: 0, points: { show: false }, paths: uPlot.paths.bars?.({ size: [0.85, 40] }) };
}

function topOf(high: number | null): number {
  return high && high > 0 ? high * 1.1 : 1;
}

function shortly(value: number | null, unit: string): string {
  if (value === null) return "";
  if (unit === "ms") return ms(value);
  if (unit === "s") return seconds(value);
  if (unit === "ratio" || unit === "share") return share(value);
  return compact(value);
}

function drawMarkers(plot: uPlot, markers: Marker[], colour: (name: string) => string): void {
  const { ctx, bbox } = plot;
  const scale = devicePixelRatio;
  ctx.save();
  for (const marker of markers) {
    const x = plot.valToPos(marker.at, "x", true);
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.strokeStyle = ctx.fillStyle = colour(marker.kind === "alert" ? "--bad" : "--link");
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

/** A triangle that points down for an alert, a diamond for a release. */
function drawHead(ctx: CanvasRenderingContext2D, x: number, y: number, size: number, kind: Marker["kind"]): void {
  ctx.moveTo(x - size, y + (kind === "alert" ? 0 : size));
  if (kind === "release") ctx.lineTo(x, y);
  ctx.lineTo(x + size, y + (kind === "alert" ? 0 : size));
  ctx.lineTo(x, y + 2 * size * (kind === "alert" ? 0.75 : 1));
  ctx.closePath();
}
