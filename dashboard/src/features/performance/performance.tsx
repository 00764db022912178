/** Requests to the product: rate, latency and errors, by route. */

import { Charts } from "../../charts/panel";
import type { Performance as Figures, Route, Series, SystemMetrics, Unknown } from "../../lib/api/types";
import { formatCompact, formatMs, formatNumber, formatShare } from "../../lib/format/numbers";
import { formatLocalTime } from "../../lib/format/times";
import { useSlow } from "../../lib/polling/use-live";
import { linkTo } from "../../lib/route";
import { Tile } from "../../ui/facts";
import { Figure, Reasons } from "../../ui/figure";
import { Panel } from "../../ui/panel";
import { Empty, When } from "../../ui/state";
import { Table } from "../../ui/table";

const ROUTES = 10;
const isRate = (series: Series) => series.unit === "ratio";

interface PerformanceProps {
  performance: Figures;
  unknown: Record<string, Unknown>;
}

export function Performance({ performance, unknown }: PerformanceProps) {
  const system = useSlow<SystemMetrics>("/api/metrics/system");
  return (
    <Panel title="Performance" kind="wide" aside={<span class="quiet">requests to the product, last 5 minutes</span>} folds>
      <dl class="tiles">
        <Tile name="requests per minute">
          <Figure value={performance.requests_per_minute} path="performance.requests_per_minute" unknown={unknown} />
        </Tile>
        <Tile name="mean">
          <Figure
            value={performance.avg_response_time_ms}
            path="performance.avg_response_time_ms"
            unknown={unknown}
            show={formatMs}
          />
        </Tile>
        <Tile name="p95" kind={(performance.p95_ms ?? 0) > 3000 ? "warning" : ""}>
          <Figure value={performance.p95_ms} path="performance.p95_ms" unknown={unknown} show={formatMs} />
        </Tile>
        <Tile name="error rate" kind={(performance.error_rate ?? 0) > 0.01 ? "bad" : ""}>
          <Figure value={performance.error_rate} path="performance.error_rate" unknown={unknown} show={formatShare} />
        </Tile>
      </dl>
      <Reasons unknown={unknown} under={["performance"]} />
      <div class="columns">
        <Charts
          metric="requests"
          wanted={[
            { title: "Latency", take: (series) => series.unit === "ms" },
            { title: "Requests", take: (series) => series.unit !== "ms" && !isRate(series) },
            { title: "Error rate", take: isRate },
          ]}
        />
      </div>
      <When live={system}>{({ api }) => <Routes routes={api.by_route} at={system.at} />}</When>
    </Panel>
  );
}

function Routes({ routes, at }: { routes: Route[] | null; at: number }) {
  if (routes === null) return null;
  if (routes.length === 0) return <Empty>No requests in the last five minutes.</Empty>;
  const worst = [...routes].sort((a, b) => (b.p95 ?? 0) - (a.p95 ?? 0)).slice(0, ROUTES);
  const cell = (value: number | null, show: (value: number) => string) => (value === null ? "unknown" : show(value));
  return (
    <Table
      caption={`By route, slowest first, at ${formatLocalTime(at)}`}
      items={worst}
      getKey={({ route }) => route}
      columns={[
        ["Route", ({ route }) => <a href={linkTo("explore", { kind: "route", name: route })}>{route}</a>],
        ["Requests", ({ count }) => formatCompact(count)],
        ["Errors", ({ errors, error_rate }) => `${formatNumber(errors)} (${cell(error_rate, formatShare)})`],
        ["p50", ({ p50 }) => cell(p50, formatMs)],
        ["p95", ({ p95 }) => cell(p95, formatMs)],
        ["p99", ({ p99 }) => cell(p99, formatMs)],
      ]}
    />
  );
}
