/** One chart with axes, units, a legend with hover values, markers, a text summary and a table. */

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import type { Series } from "../lib/api/types";
import { formatInUnit } from "../lib/format/numbers";
import { formatLocalTime } from "../lib/format/times";
import { useColors } from "../lib/theme";
import { buildColumns, type Columns, getLabel, getTone, type Limit, type Marker, summarize } from "./history";
import { buildOptions, type Zoom } from "./options";
import { stackColumns } from "./stack";

export interface ChartProps {
  title: string;
  series: Series[];
  kind?: "lines" | "stack";
  markers?: Marker[];
  limits?: Limit[];
  /** The span in s: axes name days where it is long. */
  span: { from: number; to: number };
  isOld?: boolean;
  zoom?: Zoom | undefined;
}

export function Chart(props: ChartProps) {
  const { title, series, markers = [], limits = [] } = props;
  const columns = useMemo(() => buildColumns(series), [series]);
  const [row, setRow] = useState<number | null>(null);
  const summary = useMemo(() => summarize(series), [series]);
  return (
    <figure class={props.isOld ? "chart is-old" : "chart"}>
      <figcaption>
        <h3>{title}</h3>
        <Legend series={series} columns={columns} row={row} kind={props.kind ?? "lines"} markers={markers} limits={limits} />
      </figcaption>
      <Plot {...props} columns={columns} row={row} onRow={setRow} summary={`${title}. ${summary}`} />
      <Table title={title} summary={summary} series={series} columns={columns} markers={markers} />
    </figure>
  );
}

interface LegendProps {
  series: Series[];
  columns: Columns;
  row: number | null;
  kind: string;
  markers: Marker[];
  limits: Limit[];
}

function Legend({ series, columns, row, kind, markers, limits }: LegendProps) {
  const at = columns.times[row ?? columns.times.length - 1];
  return (
    <ul class="legend">
      {series.map((one, index) => {
        const values = columns.values[index] ?? [];
        const shown = row ?? values.findLastIndex((found) => found !== null);
        const value = values[shown] ?? null;
        const isOld = row === null && value !== null && shown < values.length - 1;
        return (
          <li key={getLabel(one)}>
            <svg class={`swatch ${getTone(one, index)}`} viewBox="0 0 18 8" aria-hidden="true">
              {kind === "stack" ? <rect width="18" height="8" /> : <line x1="0" y1="4" x2="18" y2="4" />}
            </svg>
            {getLabel(one)} <b>{value === null ? "unknown" : formatInUnit(value, one.unit)}</b>
            {isOld && ` at ${formatLocalTime((columns.times[shown] ?? 0) * 1000)}`}
          </li>
        );
      })}
      {limits.map(({ name }) => (
        <li key={name}>
          <span class="mark-alert" aria-hidden="true">
            ┄
          </span>{" "}
          {name}
        </li>
      ))}
      <li class="legend-time">{row !== null && at !== undefined ? formatLocalTime(at * 1000) : "latest"}</li>
      <MarkerLegend
        markers={markers}
        at={row === null ? undefined : at}
        reach={((columns.times[1] ?? 0) - (columns.times[0] ?? 0)) * 1.5}
      />
    </ul>
  );
}

/** The last parameter, which uPlot's types lack, shares the cursor with the other charts. */
type SharedCursor = (cursor: { left: number; top: number }, isFired: boolean, isShared: boolean) => void;

type PlotProps = ChartProps & {
  columns: Columns;
  row: number | null;
  onRow: (row: number | null) => void;
  summary: string;
};

function Plot({ title, series, kind = "lines", markers = [], limits = [], span, zoom, columns, row, onRow, summary }: PlotProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const marks = useRef(markers);
  const range = useRef(span);
  marks.current = markers;
  range.current = span;
  const colors = useColors();
  const shape = `${kind} ${colors} ${limits.map(({ name }) => name)} ${series.map((one) => getLabel(one) + one.unit).join("|")}`;
  const data = [columns.times, ...stackColumns(columns.values, kind)] as uPlot.AlignedData;
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const made = new uPlot(buildOptions(element, series, kind, marks, range, onRow, limits, zoom), data, element);
    plot.current = made;
    const sizes = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: element.clientHeight }));
    sizes.observe(element);
    return () => {
      sizes.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [shape]);
  useEffect(() => plot.current?.setData(data), [columns, markers]);
  const last = columns.times.length - 1;
  const at = row ?? last;
  const time = columns.times[at];
  const values = series.map((one, index) => nameValue(one, columns.values[index]?.[at] ?? null)).join(", ");
  const share = (cursor: { left: number; top: number }) => {
    const setCursor: SharedCursor | undefined = plot.current?.setCursor;
    setCursor?.(cursor, true, true);
  };
  // The cursor moves the way that a pointer moves it, in all charts at once.
  const move = (to: number) => {
    const moved = columns.times[to] ?? 0;
    share({ left: plot.current?.valToPos(moved, "x") ?? 0, top: 0 });
    if (plot.current) zoom?.onMove(plot.current, moved);
  };
  return (
    <div class="plot-place">
      <div class="plot" ref={place} role="img" aria-label={summary} />
      <input
        type="range"
        max={last}
        value={at}
        aria-label={`${title}, time`}
        aria-valuetext={time === undefined ? "" : `${formatLocalTime(time * 1000)}: ${values}`}
        onInput={(event) => move(event.currentTarget.valueAsNumber)}
        onKeyDown={(event) => plot.current && zoom?.onKey(event, plot.current, time ?? 0)}
        onBlur={() => share({ left: -10, top: -10 })}
      />
    </div>
  );
}

function nameValue(series: Series, value: number | null): string {
  return `${getLabel(series)} ${value === null ? "unknown" : formatInUnit(value, series.unit)}`;
}

/** What the marks mean; under the pointer, which they are. */
function MarkerLegend({ markers, at, reach }: { markers: Marker[]; at: number | undefined; reach: number }) {
  const near = at === undefined ? [] : markers.filter((marker) => Math.abs(marker.at - at) <= reach);
  if (near.length > 0) return <li class="near">{near.slice(0, 2).map(nameMarker).join(", ")}</li>;
  return (["alert", "release", "deploy"] as const).map((kind) => {
    const count = markers.filter((marker) => marker.kind === kind).length;
    return (
      count > 0 && (
        <li key={kind}>
          <span class={`mark-${kind}`} aria-hidden="true">
            {SIGNS[kind]}
          </span>{" "}
          {count} {kind}
          {count > 1 && "s"}
        </li>
      )
    );
  });
}

const SIGNS = { alert: "▼", release: "◆", deploy: "◆" };

function nameMarker(marker: Marker): string {
  return `${SIGNS[marker.kind]} ${marker.name}`;
}

interface TableProps {
  title: string;
  summary: string;
  series: Series[];
  columns: Columns;
  markers: Marker[];
}

function Table({ title, summary, series, columns, markers }: TableProps) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details class="as-table" onToggle={(event) => setOpen((event.currentTarget as HTMLDetailsElement).open)}>
      <summary aria-label={`${title} as text and table`}>Text and table</summary>
      <p>{summary}</p>
      {markers.length > 0 && (
        <p>Marks: {markers.map((marker) => `${formatLocalTime(marker.at * 1000)} ${marker.kind} ${marker.name}`).join("; ")}.</p>
      )}
      {isOpen && (
        <div class="scroll" role="region" aria-label={`${title}, table`} tabIndex={0}>
          <table>
            <thead>
              <tr>
                <th scope="col">Time</th>
                {series.map((one) => (
                  <th scope="col" key={getLabel(one)}>
                    {getLabel(one)}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {columns.times.map((at, row) => (
                <tr key={at}>
                  <th scope="row">{formatLocalTime(at * 1000)}</th>
                  {series.map((one, index) => {
                    const value = columns.values[index]?.[row] ?? null;
                    return <td key={getLabel(one)}>{value === null ? "unknown" : formatInUnit(value, one.unit)}</td>;
                  })}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </details>
  );
}
