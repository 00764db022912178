/** One chart with axes, units, a legend with hover values, markers, a text summary and a table. */

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { inUnit, localTime } from "../format";
import type { Series } from "../shapes";
import { useColours } from "../theme";
import { type Columns, columnsOf, labelOf, type Marker, summaryOf } from "./history";
import { drawn, optionsOf } from "./options";

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
  const columns = useMemo(() => columnsOf(series), [series]);
  const [row, setRow] = useState<number | null>(null);
  const summary = useMemo(() => summaryOf(series), [series]);
  return (
    <figure class={props.isOld ? "chart is-old" : "chart"}>
      <figcaption>
        <h3>{title}</h3>
        <Legend series={series} columns={columns} row={row} kind={props.kind ?? "lines"} />
      </figcaption>
      <Plot {...props} columns={columns} onRow={setRow} summary={`${title}. ${summary}`} />
      <Markers markers={markers} />
      <Table title={title} summary={summary} series={series} columns={columns} />
    </figure>
  );
}

function Legend({ series, columns, row, kind }: { series: Series[]; columns: Columns; row: number | null; kind: string }) {
  const at = columns.times[row ?? columns.times.length - 1];
  return (
    <ul class="legend">
      {series.map((one, index) => {
        const values = columns.values[index] ?? [];
        const value = row === null ? (values.findLast((found) => found !== null) ?? null) : (values[row] ?? null);
        return (
          <li key={labelOf(one)}>
            <svg class={`swatch series-${index} ${kind}`} viewBox="0 0 18 8" aria-hidden="true">
              {kind === "stack" ? <rect width="18" height="8" /> : <line x1="0" y1="4" x2="18" y2="4" />}
            </svg>
            {labelOf(one)} <b>{value === null ? "unknown" : inUnit(value, one.unit)}</b>
          </li>
        );
      })}
      <li class="legend-time">{row !== null && at !== undefined ? localTime(at * 1000) : "latest"}</li>
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
  const colours = useColours();
  const shape = `${kind} ${colours} ${series.map((one) => labelOf(one) + one.unit).join("|")}`;
  const data = [columns.times, ...drawn(columns.values, kind)] as uPlot.AlignedData;
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const made = new uPlot(optionsOf(element, series, kind, marks, range, onRow), data, element);
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

function Markers({ markers }: { markers: Marker[] }) {
  if (markers.length === 0) return null;
  const shown = markers.slice(0, 3);
  return (
    <p class="markers">
      {shown.map((marker) => (
        <span key={`${marker.kind}${marker.at}${marker.name}`} class={`marker ${marker.kind}`}>
          <span aria-hidden="true">{marker.kind === "alert" ? "▼" : "◆"} </span>
          {localTime(marker.at * 1000)} {marker.name}
        </span>
      ))}
      {markers.length > shown.length && <span>and {markers.length - shown.length} more</span>}
    </p>
  );
}

function Table({ title, summary, series, columns }: { title: string; summary: string; series: Series[]; columns: Columns }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details class="as-table" onToggle={(event) => setOpen((event.currentTarget as HTMLDetailsElement).open)}>
      <summary aria-label={`${title} as text and table`}>Text and table</summary>
      <p>{summary}</p>
      {isOpen && (
        <div class="scroll" role="region" aria-label={`${title}, table`} tabIndex={0}>
          <table>
            <thead>
              <tr>
                <th scope="col">Time</th>
                {series.map((one) => (
                  <th scope="col" key={labelOf(one)}>
                    {labelOf(one)}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {columns.times.map((at, row) => (
                <tr key={at}>
                  <th scope="row">{localTime(at * 1000)}</th>
                  {series.map((one, index) => {
                    const value = columns.values[index]?.[row] ?? null;
                    return <td key={labelOf(one)}>{value === null ? "unknown" : inUnit(value, one.unit)}</td>;
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
