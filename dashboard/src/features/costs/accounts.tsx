/** What vendors still give: the balance of each account, and the quotas of today. */

import type { Costs, QuotaForecast, VendorBalance } from "../../lib/api/types";
import { formatCompact, formatUsd } from "../../lib/format/numbers";
import { Figure, Reasons, Unknown } from "../../ui/figure";
import { Panel } from "../../ui/panel";
import { Table } from "../../ui/table";
import { Time } from "../../ui/time";

type Placed<T> = T & { path: string };

export function Accounts({ costs }: { costs: Costs }) {
  const { balances, quotas, unknown } = costs;
  return (
    <Panel title="Balances and quotas" kind="wide">
      {balances && (
        <Table<Placed<VendorBalance>>
          items={balances.map((balance, place) => ({ ...balance, path: `balances.${place}` }))}
          getKey={({ path }) => path}
          columns={[
            ["Balance", ({ service }) => service],
            ["Left", ({ usd, path }) => <Figure value={usd} path={`${path}.usd`} unknown={unknown} show={formatUsd} />],
            [
              "Days that it lasts",
              ({ days_left, path }) => <Figure value={days_left} path={`${path}.days_left`} unknown={unknown} />,
            ],
          ]}
        />
      )}
      {quotas && (
        <Table<Placed<QuotaForecast>>
          items={quotas.map((quota, place) => ({ ...quota, path: `quotas.${place}` }))}
          getKey={({ path }) => path}
          columns={[
            ["Quota of today", ({ service, model }) => (model === "*" ? service : `${service} ${model}`)],
            ["Used", ({ used, path }) => <Figure value={used} path={`${path}.used`} unknown={unknown} show={formatCompact} />],
            ["Limit", ({ limit }) => formatCompact(limit)],
            [
              "Used up",
              ({ full_at, path }) => (full_at ? <Time at={full_at} /> : <Unknown reason={unknown[`${path}.full_at`]} />),
            ],
          ]}
        />
      )}
      <Reasons unknown={unknown} under={["balances", "quotas"]} named={(rest) => rest.filter((word) => !/^\d+$/.test(word))} />
    </Panel>
  );
}
