/** The history of one metric as charts: a chart per unit, the range shared by all. */

import type { ComponentChildren } from "preact";
import type { Alert, AlertPage, History, Series } from "../lib/api/types";
import { type Live, useSlow, useSlowKept } from "../lib/polling/use-live";
import { RANGE_WORDS, type Span, useRange, useRoute } from "../lib/route";
import { When } from "../ui/state";
import { Chart } from "./chart";
import { COMPARED, findStep, joinEarlier, sumSeries } from "./compare";
import { type Limit, listAlertMarkers, listDeployMarkers, type Marker } from "./history";
import type { Zoom } from "./options";

export interface Wanted {
  title: string;
  kind?: "lines" | "stack";
  /** Which series of the metric belong into this chart. */
  take: (series: Series) => boolean;
  /** Their order; left out: as they come. */
  order?: (series: Series) => number;
  limits?: Limit[];
}

interface ChartsProps {
  metric: History["metric"];
  /** Of the metric "route": which. */
  route?: string;
  /** Which alerts are marked; left out: all. */
  concerns?: (alert: Alert) => boolean;
  wanted: Wanted[];
  releases?: Marker[];
  /** What it is always compared with; left out: what the page's address says. */
  before?: string;
  /** The times to show instead of the range of the page's address. */
  chosen?: Span | null;
  zoom?: Zoom;
  children?: ComponentChildren;
}

export function Charts({
  metric,
  route,
  wanted,
  releases = [],
  concerns = () => true,
  before: always,
  chosen,
  zoom,
}: ChartsProps) {
  const range = useRange();
  const given = useRoute().params.get("before");
  const before = always ?? given ?? "";
  const path = `/api/metrics/history?metric=${metric}&${chosen ? new URLSearchParams({ ...chosen }) : `range=${range}`}${route ? `&route=${encodeURIComponent(route)}` : ""}`;
  // Without a comparison, or where both have equal steps, one response stands for all.
  const finest = useSlowKept<History>(path);
  const earlier = useSlowKept<History>(COMPARED[before] ? `${path}&before=${before}` : path);
  const { stepS, isTooShort } = findStep(finest.data, earlier.isOld ? undefined : earlier.data);
  const live = useSlowKept<History>(stepS ? `${path}&step=${stepS}` : path);
  const since = chosen ? `&${new URLSearchParams({ since: chosen.from, until: chosen.to })}` : "";
  const alerts = useSlow<AlertPage>(`/api/alerts?limit=200${since}`);
  return (
    <div class="charts">
      <When live={live}>
        {(history) => {
          const from = Date.parse(history.from) / 1000;
          const span = { from, to: Date.parse(history.to) / 1000 };
          if (history.series === null) return <p class="problem">? unknown: {history.unknown.series?.message}</p>;
          const known = history.series;
          const marked = alerts.data && { items: alerts.data.items.filter(concerns) };
          const markers = [
            ...listAlertMarkers(history, marked),
            ...listDeployMarkers(history),
            ...releases.filter((release) => release.at >= from),
          ];
          const charts = wanted.map(({ title, kind = "lines", take, order, limits }) => {
            const now = known.filter(take);
            if (order) now.sort((a, b) => order(a) - order(b));
            const then = COMPARED[before] && !earlier.isOld && !isTooShort ? (earlier.data?.series?.filter(take) ?? []) : [];
            const isSum = kind === "stack" && then.length > 0;
            const series = isSum ? joinEarlier(sumSeries(now), sumSeries(then), before) : joinEarlier(now, then, before);
            if (series.length === 0)
              return (
                <p class="empty" key={title}>
                  {title}: nothing recorded in {chosen ? "this time" : `the last ${RANGE_WORDS[range]}`}.
                </p>
              );
            return (
              <Chart
                key={title}
                title={title}
                series={series}
                kind={isSum ? "lines" : kind}
                markers={markers}
                limits={limits ?? []}
                span={span}
                isOld={live.isOld}
                zoom={zoom}
              />
            );
          });
          return (
            <>
              {listGaps(alerts, history, isTooShort).map((gap) => (
                <p class="quiet" key={gap}>
                  {gap}
                </p>
              ))}
              {charts}
            </>
          );
        }}
      </When>
    </div>
  );
}

/** What the charts do not show, although somebody may look for it. */
function listGaps({ data, error }: Live<AlertPage>, { from }: History, isTooShort: boolean): string[] {
  const gaps = isTooShort ? ["What came before is kept by the hour: choose 6 hours or more to compare."] : [];
  const oldest = data?.items.at(-1)?.started_at ?? "";
  if (!data && error) gaps.push(`? alerts unknown: ${error.message}`);
  else if (data?.next_cursor && Date.parse(oldest) > Date.parse(from)) gaps.push("Only the newest 200 alerts are marked.");
  return gaps;
}
