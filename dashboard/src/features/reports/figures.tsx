/** The figures of a week behind its targets: services, requests, stages, alerts, errors, cost. */

import type { WeeklyError, WeeklyReport } from "../../lib/api/types";
import { nameService, toWords } from "../../lib/format/names";
import { formatMs, formatNumber, formatPercent, formatSeconds, formatShare, formatUsd } from "../../lib/format/numbers";
import { linkTo } from "../../lib/route";
import { Tile } from "../../ui/facts";
import { Figure, Reasons } from "../../ui/figure";
import { Panel } from "../../ui/panel";
import { Empty } from "../../ui/state";
import { Table } from "../../ui/table";

interface Props {
  report: WeeklyReport;
}

export function Figures({ report }: Props) {
  return (
    <>
      <Services report={report} />
      <Requests report={report} />
      <Stages report={report} />
      <Alerts report={report} />
      <Errors report={report} />
      <Cost report={report} />
    </>
  );
}

/** A function that shows a figure of the report by its path. */
function reader({ unknown }: WeeklyReport) {
  return (path: string, value: number | null, show: (value: number) => string = formatNumber) => (
    <Figure value={value} path={path} unknown={unknown} show={show} />
  );
}

function Services({ report }: Props) {
  const figure = reader(report);
  const name = (place: string) => nameService(report.services[Number(place)]?.name ?? place);
  return (
    <Panel title="Services" kind="wide">
      <Table
        items={report.services.map((service, place) => ({ ...service, path: `services.${place}` }))}
        getKey={(service) => service.name}
        columns={[
          ["Service", (service) => nameService(service.name)],
          ["Uptime", ({ path, uptime }) => figure(`${path}.uptime`, uptime, formatPercent)],
          ["Watched", ({ watched }) => formatPercent(watched)],
          ["Minutes down", ({ path, minutes_down }) => figure(`${path}.minutes_down`, minutes_down)],
          ["Rate-limited", ({ path, minutes_rate_limited }) => figure(`${path}.minutes_rate_limited`, minutes_rate_limited)],
          ["Out of quota", ({ path, minutes_out_of_quota }) => figure(`${path}.minutes_out_of_quota`, minutes_out_of_quota)],
        ]}
      />
      <Reasons unknown={report.unknown} under={["services"]} named={([place = "", ...others]) => [name(place), ...others]} />
    </Panel>
  );
}

function Requests({ report }: Props) {
  const figure = reader(report);
  const { count, error_rate, p50_ms, p95_ms, p99_ms } = report.requests;
  return (
    <Panel title="Requests of the product" kind="wide">
      <dl class="tiles">
        <Tile name="requests">{figure("requests.count", count)}</Tile>
        <Tile name="failed">{figure("requests.error_rate", error_rate, formatShare)}</Tile>
        <Tile name="median">{figure("requests.p50_ms", p50_ms, formatMs)}</Tile>
        <Tile name="p95">{figure("requests.p95_ms", p95_ms, formatMs)}</Tile>
        <Tile name="p99">{figure("requests.p99_ms", p99_ms, formatMs)}</Tile>
      </dl>
      <Reasons unknown={report.unknown} under={["requests"]} />
    </Panel>
  );
}

function Stages({ report }: Props) {
  const figure = reader(report);
  return (
    <Panel title="Pipeline" kind="wide">
      {report.pipeline.length === 0 && <Empty>No stage was read in this week.</Empty>}
      {report.pipeline.length > 0 && (
        <Table
          items={report.pipeline.map((stage, place) => ({ ...stage, path: `pipeline.${place}` }))}
          getKey={({ name }) => name}
          columns={[
            ["Stage", ({ name }) => toWords(name)],
            ["Completed", ({ path, completed }) => figure(`${path}.completed`, completed)],
            ["Most waiting", ({ path, peak_pending }) => figure(`${path}.peak_pending`, peak_pending)],
            ["Hours read", ({ hours_read }) => formatNumber(hours_read)],
          ]}
        />
      )}
    </Panel>
  );
}

function Alerts({ report }: Props) {
  const figure = reader(report);
  const { alerts } = report;
  return (
    <Panel title="Alerts" kind="wide">
      <dl class="tiles">
        <Tile name="alerts">{figure("alerts.count", alerts.count)}</Tile>
        <Tile name="followed from another">{figure("alerts.inhibited", alerts.inhibited)}</Tile>
        <Tile name="mean time to acknowledge">
          {figure("alerts.mean_time_to_acknowledge_s", alerts.mean_time_to_acknowledge_s, formatSeconds)}
        </Tile>
        <Tile name="mean time to resolve">
          {figure("alerts.mean_time_to_resolve_s", alerts.mean_time_to_resolve_s, formatSeconds)}
        </Tile>
      </dl>
      {alerts.noisiest_rules.length > 0 && (
        <Table
          caption="Rules by how often they fired"
          items={alerts.noisiest_rules}
          getKey={({ rule_id }) => rule_id}
          columns={[
            ["Rule", ({ rule_id, title }) => <a href={linkTo("alerts", { rule_id })}>{title}</a>],
            ["Alerts", ({ count }) => formatNumber(count)],
            ["Firing", ({ firing_minutes }) => formatSeconds(firing_minutes * 60)],
          ]}
        />
      )}
      <Reasons unknown={report.unknown} under={["alerts"]} />
    </Panel>
  );
}

function Errors({ report }: Props) {
  const figure = reader(report);
  const { errors } = report;
  return (
    <Panel title="Errors" kind="wide">
      <dl class="tiles">
        <Tile name="errors">{figure("errors.total", errors.total)}</Tile>
        <Tile name="new groups">{figure("errors.new_count", errors.new_count)}</Tile>
        <Tile name="regressed groups">{figure("errors.regressed_count", errors.regressed_count)}</Tile>
      </dl>
      <Groups caption="New" groups={errors.new} />
      <Groups caption="Regressed" groups={errors.regressed} />
      <Reasons unknown={report.unknown} under={["errors"]} />
    </Panel>
  );
}

function Groups({ caption, groups }: { caption: string; groups: WeeklyError[] }) {
  if (groups.length === 0) return null;
  return (
    <Table
      caption={`${caption}, the most frequent first`}
      items={groups}
      getKey={({ id }) => id}
      columns={[
        ["Error", ({ id, title }) => <a href={linkTo(`errors/${id}`)}>{title}</a>],
        ["Severity", ({ severity }) => severity],
        ["Environment", ({ environment }) => environment],
        ["Times", ({ count }) => formatNumber(count)],
      ]}
    />
  );
}

function Cost({ report }: Props) {
  const figure = reader(report);
  const { calls, per_call, total, unpriced_calls } = report.cost;
  return (
    <Panel title="Cost" kind="wide">
      <dl class="tiles">
        <Tile name="in all">{figure("cost.total", total, formatUsd)}</Tile>
        <Tile name="a call">{figure("cost.per_call", per_call, formatUsd)}</Tile>
        <Tile name="calls">{figure("cost.calls", calls)}</Tile>
        <Tile name="calls without a price">{figure("cost.unpriced_calls", unpriced_calls)}</Tile>
      </dl>
      <Reasons unknown={report.unknown} under={["cost"]} />
    </Panel>
  );
}
