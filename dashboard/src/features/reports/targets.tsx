/** The owners' targets: each is met, missed, or not known to be either. */

import type { Target, WeeklyReport } from "../../lib/api/types";
import { toWords } from "../../lib/format/names";
import { formatInUnit, formatUsd } from "../../lib/format/numbers";
import { Badge } from "../../ui/badge";
import { Figure, Reasons } from "../../ui/figure";
import { Empty } from "../../ui/state";
import { Table } from "../../ui/table";

const NAMES: Record<string, string> = {
  error_rate: "Requests that fail",
  p95_latency: "95th percentile of response times",
  uptime: "Uptime of the worst own service",
  call_cost: "Cost of a call",
  access_logged: "Access to personal data recorded",
};
const WORDS: Record<Target["state"], string> = { met: "ok", missed: "failed", unknown: "unknown" };

export function Targets({ report }: { report: WeeklyReport }) {
  const { targets, unknown } = report;
  if (targets.length === 0) return <Empty>No target is set.</Empty>;
  const count = (state: Target["state"]) => targets.filter((target) => target.state === state).length;
  return (
    <>
      <p role="status">
        <b>{count("met")} met</b>, {count("missed")} missed, {count("unknown")} unknown.
      </p>
      <Table
        caption="Targets"
        items={targets.map((target, place) => ({ ...target, place }))}
        getKey={({ name }) => name}
        columns={[
          ["Target", ({ name }) => NAMES[name] ?? toWords(name)],
          ["Wanted", (target) => `${target.bound === "most" ? "below" : "at least"} ${showIn(target.unit)(target.target)}`],
          [
            "Measured",
            ({ actual, unit, place }) => (
              <Figure value={actual} path={`targets.${place}.actual`} unknown={unknown} show={showIn(unit)} />
            ),
          ],
          ["State", ({ state }) => <Badge word={WORDS[state]}>{state}</Badge>],
        ]}
      />
      <Reasons
        unknown={unknown}
        under={["targets"]}
        named={([place = ""]) => [NAMES[targets[Number(place)]?.name ?? ""] ?? ""]}
      />
    </>
  );
}

function showIn(unit: Target["unit"]): (value: number) => string {
  return (value) => (unit === "usd" ? formatUsd(value) : formatInUnit(value, unit));
}
