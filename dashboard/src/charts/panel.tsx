/** The history of one metric as charts: a chart per unit, the range shared by all. */

import type { ComponentChildren } from "preact";
import type { Alert, AlertPage, History, Series } from "../lib/api/types";
import { useSlow, useSlowKept } from "../lib/polling/use-live";
import { RANGE_WORDS, useRange, useRoute } from "../lib/route";
import { When } from "../ui/state";
import { Chart } from "./chart";
import { COMPARED, joinEarlier, sumSeries } from "./compare";
import { type Limit, listAlertMarkers, listDeployMarkers, type Marker } from "./history";

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
  children?: ComponentChildren;
}

export function Charts({ metric, route, wanted, releases = [], concerns = () => true, before: always }: ChartsProps) {
  const range = useRange();
  const given = useRoute().params.get("before");
  const before = always ?? given ?? "";
  const path = `/api/metrics/history?metric=${metric}&range=${range}${route ? `&route=${encodeURIComponent(route)}` : ""}`;
  const live = useSlowKept<History>(path);
  // Without a comparison, the same response stands for both.
  const earlier = useSlowKept<History>(COMPARED[before] ? `${path}&before=${before}` : path);
  const alerts = useSlow<AlertPage>("/api/alerts?limit=200");
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
          return wanted.map(({ title, kind = "lines", take, order, limits }) => {
            const now = known.filter(take);
            if (order) now.sort((a, b) => order(a) - order(b));
            const then = COMPARED[before] && !earlier.isOld ? (earlier.data?.series?.filter(take) ?? []) : [];
            const isSum = kind === "stack" && then.length > 0;
            const series = isSum ? joinEarlier(sumSeries(now), sumSeries(then), before) : joinEarlier(now, then, before);
            if (series.length === 0)
              return (
                <p class="empty" key={title}>
                  {title}: nothing recorded in the last {RANGE_WORDS[range]}.
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
              />
            );
          });
        }}
      </When>
    </div>
  );
}
