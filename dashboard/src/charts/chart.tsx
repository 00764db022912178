/** One chart with axes, units, a legend with hover values, markers, a text summary and a table. */

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import type { Series } from "../lib/api/types";
import { formatInUnit } from "../lib/format/numbers";
import { formatLocalTime } from "../lib/format/times";
import { useColors } from "../lib/theme";
import { buildColumns, type Columns, getLabel, getTone, type Marker, summarize } from "./history";
import { buildOptions } from "./options";
import { stackColumns } from "./stack";

export interface ChartProps {
  title: string;
  series: Series[];
  kind?: "lines" | "stack";
  markers?: Marker[];
  /** The span in s: axes name days where it is long. */
  span: { from: number; to: number };
  isOld?: boolean;
}

export function Chart(props: ChartProps) {
  const { title, series, markers = [] } = props;
  const columns = useMemo(() => buildColumns(series), [series]);
  const [row, setRow] = useState<number | null>(null);
  const summary = useMemo(() => summarize(series), [series]);
  return (
    <figure class={props.isOld ? "chart is-old" : "chart"}>
      <figcaption>
        <h3>{title}</h3>
        <Legend series={series} columns={columns} row={row} kind={props.kind ?? "lines"} markers={markers} />
      </figcaption>
      <Plot {...props} columns={columns} onRow={setRow} summary={`${title}. ${summary}`} />
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
}

function Legend({ series, columns, row, kind, markers }: LegendProps) {
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
      <li class="legend-time">{row !== null && at !== undefined ? formatLocalTime(at * 1000) : "latest"}</li>
      <MarkerLegend
        markers={markers}
        at={row === null ? undefined : at}
        reach={((columns.times[1] ?? 0) - (columns.times[0] ?? 0)) * 1.5}
      />
    </ul>
  );
}

type PlotProps = ChartProps & { columns: Columns; onRow: (row: number | null) => void; summary: string };

function Plot({ series, kind = "lines", markers = [], span, columns, onRow, summary }: PlotProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const marks = useRef(markers);
  const range = useRef(span);
  marks.current = markers;
  range.current = span;
  const colors = useColors();
  const shape = `${kind} ${colors} ${series.map((one) => getLabel(one) + one.unit).join("|")}`;
  const data = [columns.times, ...stackColumns(columns.values, kind)] as uPlot.AlignedData;
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const made = new uPlot(buildOptions(element, series, kind, marks, range, onRow), data, element);
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
  return <div class="plot" ref={place} role="img" aria-label={summary} />;
}

/** What the marks mean; under the pointer, which they are. */
function MarkerLegend({ markers, at, reach }: { markers: Marker[]; at: number | undefined; reach: number }) {
  const near = at === undefined ? [] : markers.filter((marker) => Math.abs(marker.at - at) <= reach);
  if (near.length > 0) return <li class="near">{near.slice(0, 2).map(nameMarker).join(", ")}</li>;
  return (["alert", "release"] as const).map((kind) => {
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

const SIGNS = { alert: "▼", release: "◆" };

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
