/** What calls cost: per call against the target, by service, model and agency, and by day. */

import type { Costs as CostsAnswer, ModelCosts } from "../../lib/api/types";
import { formatCompact, formatUsd } from "../../lib/format/numbers";
import { formatDay } from "../../lib/format/times";
import { useLive } from "../../lib/polling/use-live";
import { useRange } from "../../lib/route";
import { Tile } from "../../ui/facts";
import { Figure, Reasons } from "../../ui/figure";
import { Panel } from "../../ui/panel";
import { Empty, When } from "../../ui/state";

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
              <Reasons unknown={costs.unknown} under={["per_call", "by_service", "by_model", "by_agency"]} />
            </>
          )}
        </When>
      </Panel>
      {live.data?.by_model && <Models models={live.data.by_model} />}
      {live.data?.by_agency && <Agencies costs={live.data} />}
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

function Models({ models }: { models: ModelCosts[] }) {
  return (
    <Panel title="By model" kind="wide">
      {models.length === 0 && <Empty>No model was used.</Empty>}
      <table class="stacking">
        <thead>
          <tr>
            <th scope="col">Model</th>
            {["Service", "Calls", "Cost"].map((name) => (
              <th scope="col" key={name} class="right">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {models.map((model) => (
            <tr key={`${model.service} ${model.model}`}>
              <th scope="row">{model.model}</th>
              <td data-name="service">{model.service}</td>
              <td data-name="calls">{formatCompact(model.calls)}</td>
              <td data-name="cost">{model.usd === null ? "without a price" : formatUsd(model.usd)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Panel>
  );
}

function Agencies({ costs }: { costs: CostsAnswer }) {
  return (
    <Panel title="By agency" kind="wide">
      {costs.by_agency?.length === 0 && <Empty>No agency had a call.</Empty>}
      <table class="stacking">
        <thead>
          <tr>
            <th scope="col">Agency</th>
            {["Calls", "Mean of a call", "Cost"].map((name) => (
              <th scope="col" key={name} class="right">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {(costs.by_agency ?? []).map((agency) => (
            <tr key={agency.agency}>
              <th scope="row">{agency.name ?? agency.agency ?? "none"}</th>
              <td data-name="calls">{formatCompact(agency.calls)}</td>
              <td data-name="mean">{agency.mean === null ? "unknown" : formatUsd(agency.mean)}</td>
              <td data-name="cost">{agency.usd === null ? "unknown" : formatUsd(agency.usd)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Panel>
  );
}

function Days({ costs }: { costs: CostsAnswer }) {
  return (
    <Panel title="By day" kind="wide">
      <table class="stacking">
        <thead>
          <tr>
            <th scope="col">Day</th>
            {["Calls", "Mean of a call", "Cost"].map((name) => (
              <th scope="col" key={name} class="right">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {[...costs.trend].reverse().map((day) => (
            <tr key={day.day}>
              <th scope="row">{formatDay(day.day)}</th>
              <td data-name="calls">{day.calls === null ? "unknown" : formatCompact(day.calls)}</td>
              <td data-name="mean">{day.mean === null ? "unknown" : formatUsd(day.mean)}</td>
              <td data-name="cost">{day.usd === null ? "unknown" : formatUsd(day.usd)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Panel>
  );
}
