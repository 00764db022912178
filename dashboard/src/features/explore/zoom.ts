/** Zooming: a part of a chart that a pointer or keys select, and ranges next to the one shown. The address keeps the result. */

import type uPlot from "uplot";
import type { Zoom } from "../../charts/options";
import { formatLocalTime } from "../../lib/format/times";
import { type Span, setParams } from "../../lib/route";

const MINUTE_S = 60;
/** As much as the API returns at once, in s. */
const LONGEST_S = 90 * 86_400;

/** Times in s. */
export interface Part {
  from: number;
  to: number;
}

/** The address's form of a range in whole minutes: at least one, none after `now`. */
export function writeSpan({ from, to }: Part, now: number): Span {
  const end = Math.min(Math.max(Math.ceil(to / MINUTE_S), Math.floor(from / MINUTE_S) + 1) * MINUTE_S, Math.ceil(now));
  const begin = Math.max(Math.min(Math.floor(from / MINUTE_S) * MINUTE_S, end - MINUTE_S), end - LONGEST_S);
  return { from: toIso(begin), to: toIso(end) };
}

export function readPart({ from, to }: Span): Part {
  return { from: Date.parse(from) / 1000, to: Date.parse(to) / 1000 };
}

/** The range `factor` times as long, around a time or the middle. */
export function scalePart({ from, to }: Part, factor: number, around = (from + to) / 2): Part {
  return { from: around - (around - from) * factor, to: around + (to - around) * factor };
}

/** The range so many lengths of its own later. */
export function movePart({ from, to }: Part, lengths: number): Part {
  const by = (to - from) * lengths;
  return { from: from + by, to: to + by };
}

function toIso(at: number): string {
  return new Date(at * 1000).toISOString().replace(".000Z", "Z");
}

/**
 * What charts call. Shift with an arrow selects from the cursor on, Enter shows the selection, Escape drops it; + and - show half
 * and twice the time. `tell` gets what is selected, for people who do not see it.
 */
export function makeZoom(show: (part: Part) => void, tell: (selected: string) => void): Zoom {
  let anchor: number | null = null;
  const drop = (plot: uPlot) => {
    anchor = null;
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    tell("");
  };
  const getShown = (plot: uPlot): Part => ({ from: plot.scales.x?.min ?? 0, to: plot.scales.x?.max ?? 0 });
  const select = (plot: uPlot, part: Part) => {
    const [left, right] = [plot.valToPos(part.from, "x"), plot.valToPos(part.to, "x")];
    plot.setSelect({ left, width: right - left, top: 0, height: plot.over.clientHeight }, false);
    tell(`Selected ${formatLocalTime(part.from * 1000)} to ${formatLocalTime(part.to * 1000)}: Enter shows it, Escape drops it.`);
  };
  return {
    onDrag(plot) {
      const { left, width } = plot.select;
      if (width <= 0) return;
      const part = { from: plot.posToVal(left, "x"), to: plot.posToVal(left + width, "x") };
      drop(plot);
      show(part);
    },
    onMove(plot, at) {
      if (anchor !== null) select(plot, { from: Math.min(anchor, at), to: Math.max(anchor, at) });
    },
    onKey(event, plot, at) {
      const { key } = event;
      if (key.startsWith("Arrow")) {
        if (event.shiftKey) anchor ??= at;
        else if (anchor !== null) drop(plot);
      } else if (key === "Enter" && anchor !== null && anchor !== at) {
        const part = { from: Math.min(anchor, at), to: Math.max(anchor, at) };
        drop(plot);
        show(part);
      } else if (key === "Escape") drop(plot);
      else if (key === "+" || key === "=") show(scalePart(getShown(plot), 0.5, at));
      else if (key === "-") show(scalePart(getShown(plot), 2));
      else return;
      if (!key.startsWith("Arrow")) event.preventDefault();
    },
  };
}

/** Show a range: the address gets it. */
export function showPart(part: Part, now: number): void {
  setParams({ ...writeSpan(part, now) });
}
