/** What calls cost: per call against the target, by service, model and agency, and by day. */

import type { Costs as CostsAnswer, ModelCosts } from "../../lib/api/types";
import { formatCompact, formatUsd } from "../../lib/format/numbers";
import { formatDay } from "../../lib/format/times";
import { useLive } from "../../lib/polling/use-live";
import { useRange } from "../../lib/route";
import { Tile } from "../../ui/facts";
import { Figure } from "../../ui/figure";
import { Panel } from "../../ui/panel";
import { Empty, When } from "../../ui/state";
import { type Column, Table } from "../../ui/table";
import { Accounts } from "./accounts";
import { CostReasons } from "./cost-reasons";

// The shortest range with sums by day.
const SHORTEST = "24h";

export function Costs() {
  const range = useRange();
  const live = useLive<CostsAnswer>(`/api/metrics/costs?range=${range === "1h" || range === "6h" ? SHORTEST : range}`);
  return (
    <div class="stack">
      <Panel title="Cost of a call" kind="wide">
        <When live={live}>
          {(costs) => (
            <>
              <PerCall costs={costs} />
              <KnownDays costs={costs} />
              <CostReasons costs={costs} />
            </>
          )}
        </When>
      </Panel>
      {live.data?.by_model && <Models models={live.data.by_model} />}
      {live.data?.by_agency && <Agencies costs={live.data} />}
      {live.data && <Accounts costs={live.data} />}
      {live.data && <Days costs={live.data} />}
    </div>
  );
}

function PerCall({ costs }: { costs: CostsAnswer }) {
  const { per_call: call, unknown } = costs;
  const isOver = call.mean !== null && call.target !== null && call.mean > call.target;
  return (
    <dl class="tiles">
      <Tile name="mean of a call" kind={isOver ? "warning" : ""}>
        <Figure value={call.mean} path="per_call.mean" unknown={unknown} show={formatUsd} />
      </Tile>
      <Tile name="p95">
        <Figure value={call.p95} path="per_call.p95" unknown={unknown} show={formatUsd} />
      </Tile>
      <Tile name="target">
        <Figure value={call.target} path="per_call.target" unknown={unknown} show={formatUsd} />
      </Tile>
      <Tile name="calls">
        <Figure value={call.calls} path="per_call.calls" unknown={unknown} show={formatCompact} />
      </Tile>
      <Tile name="without a price">
        <Figure value={call.unpriced_calls} path="per_call.unpriced_calls" unknown={unknown} show={formatCompact} />
      </Tile>
    </dl>
  );
}

/** Sums of a part of the range would look like those of all of it. */
function KnownDays({ costs: { known_days, trend } }: { costs: CostsAnswer }) {
  if (known_days === 0 || known_days === trend.length) return null;
  return (
    <p class="muted">
      These sums are of {known_days} of {trend.length} days; the others are unknown, and the list of days says why.
    </p>
  );
}

function Models({ models }: { models: ModelCosts[] }) {
  return (
    <Panel title="By model" kind="wide">
      {models.length === 0 && <Empty>No model was used.</Empty>}
      <Table
        items={models}
        getKey={({ service, model }) => `${service} ${model}`}
        columns={[
          ["Model", ({ model }) => model],
          ["Service", ({ service }) => service],
          ["Calls", ({ calls }) => formatCompact(calls)],
          ["Cost", ({ usd }) => (usd === null ? "without a price" : formatUsd(usd))],
        ]}
      />
    </Panel>
  );
}

/** Calls and costs, as agencies and days have them. */
const SUMS: Column<{ calls: number | null; mean: number | null; usd: number | null }>[] = [
  ["Calls", ({ calls }) => (calls === null ? "unknown" : formatCompact(calls))],
  ["Mean of a call", ({ mean }) => (mean === null ? "unknown" : formatUsd(mean))],
  ["Cost", ({ usd }) => (usd === null ? "unknown" : formatUsd(usd))],
];

function Agencies({ costs }: { costs: CostsAnswer }) {
  return (
    <Panel title="By agency" kind="wide">
      {costs.by_agency?.length === 0 && <Empty>No agency had a call.</Empty>}
      <Table
        items={costs.by_agency ?? []}
        getKey={({ agency }) => agency ?? ""}
        columns={[["Agency", ({ name, agency }) => name ?? agency ?? "none"], ...SUMS]}
      />
    </Panel>
  );
}

function Days({ costs }: { costs: CostsAnswer }) {
  return (
    <Panel title="By day" kind="wide">
      <Table
        items={[...costs.trend].reverse()}
        getKey={({ day }) => day}
        columns={[["Day", ({ day }) => formatDay(day)], ...SUMS]}
      />
    </Panel>
  );
}
