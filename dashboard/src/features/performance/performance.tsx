/** Requests to the product: rate, latency and errors, by route. */

import { Charts } from "../../charts/panel";
import type { Route, Series, Status, SystemMetrics } from "../../lib/api/types";
import { formatCompact, formatMs, formatNumber, formatShare } from "../../lib/format/numbers";
import { useLive } from "../../lib/polling/use-live";
import { Tile } from "../../ui/facts";
import { Figure, Reasons } from "../../ui/figure";
import { Panel } from "../../ui/panel";
import { Empty, When } from "../../ui/state";

const ROUTES = 10;
const isRate = (series: Series) => series.unit === "ratio";

export function Performance({ status }: { status: Status }) {
  const system = useLive<SystemMetrics>("/api/metrics/system");
  const { performance, unknown } = status;
  return (
    <Panel title="Performance" kind="wide" aside={<span class="quiet">requests to the product, last 5 minutes</span>}>
      <dl class="tiles">
        <Tile name="requests per minute">
          <Figure value={performance.requests_per_minute} path="performance.requests_per_minute" unknown={unknown} />
        </Tile>
        {system.data && <Percentiles system={system.data} />}
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
      <When live={system}>{({ api }) => <Routes routes={api.by_route} />}</When>
    </Panel>
  );
}

function Percentiles({ system: { api, unknown } }: { system: SystemMetrics }) {
  return (
    <>
      <Tile name="p50">
        <Figure value={api.p50_ms} path="api.p50_ms" unknown={unknown} show={formatMs} />
      </Tile>
      <Tile name="p95" kind={(api.p95_ms ?? 0) > 3000 ? "warning" : ""}>
        <Figure value={api.p95_ms} path="api.p95_ms" unknown={unknown} show={formatMs} />
      </Tile>
      <Tile name="p99">
        <Figure value={api.p99_ms} path="api.p99_ms" unknown={unknown} show={formatMs} />
      </Tile>
    </>
  );
}

function Routes({ routes }: { routes: Route[] | null }) {
  if (routes === null) return null;
  if (routes.length === 0) return <Empty>No requests in the last five minutes.</Empty>;
  const worst = [...routes].sort((a, b) => (b.p95 ?? 0) - (a.p95 ?? 0)).slice(0, ROUTES);
  const cell = (value: number | null, show: (value: number) => string) => (value === null ? "unknown" : show(value));
  return (
    <table class="stacking">
      <caption>By route, slowest first</caption>
      <thead>
        <tr>
          <th scope="col">Route</th>
          {["Requests", "Errors", "p50", "p95", "p99"].map((name) => (
            <th scope="col" key={name} class="right">
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {worst.map((route) => (
          <tr key={route.route}>
            <th scope="row">{route.route}</th>
            <td data-name="requests">{formatCompact(route.count)}</td>
            <td data-name="errors">
              {formatNumber(route.errors)} ({cell(route.error_rate, formatShare)})
            </td>
            <td data-name="p50">{cell(route.p50, formatMs)}</td>
            <td data-name="p95">{cell(route.p95, formatMs)}</td>
            <td data-name="p99">{cell(route.p99, formatMs)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
