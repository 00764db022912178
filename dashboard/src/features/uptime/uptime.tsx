/** Uptime by service: four windows and the last 90 days. */

import { DayBars } from "../../charts/daybars";
import { Charts } from "../../charts/panel";
import type { ServiceUptime, UptimeReport } from "../../lib/api/types";
import { nameService } from "../../lib/format/names";
import { formatPercent } from "../../lib/format/numbers";
import { useSlow } from "../../lib/polling/use-live";
import { Tile } from "../../ui/facts";
import { Figure, type Reasons } from "../../ui/figure";
import { Panel } from "../../ui/panel";
import { When } from "../../ui/state";

const WINDOWS = [
  ["uptime_24h", "24 hours"],
  ["uptime_7d", "7 days"],
  ["uptime_30d", "30 days"],
  ["uptime_90d", "90 days"],
] as const;

export function Uptime() {
  const live = useSlow<UptimeReport>("/api/uptime");
  return (
    <div class="stack">
      <Panel title="Uptime" kind="wide" aside={<span class="quiet">share of successful probes, by UTC day</span>}>
        <When live={live}>
          {({ services, unknown }) =>
            Object.entries(services).map(([name, service]) => (
              <Service key={name} name={name} service={service} unknown={unknown} />
            ))
          }
        </When>
      </Panel>
      <Panel title="Latency of the services" kind="wide">
        <Charts metric="services" wanted={[{ title: "Latency", take: (series) => series.unit === "ms" }]} />
      </Panel>
    </div>
  );
}

function Service({ name, service, unknown }: { name: string; service: ServiceUptime; unknown: NonNullable<Reasons> }) {
  return (
    <section class="uptime" aria-label={name}>
      <h3>{nameService(name)}</h3>
      <dl class="tiles">
        {WINDOWS.map(([field, title]) => (
          <Tile key={field} name={title}>
            <Figure value={service[field]} path={`services.${name}.${field}`} unknown={unknown} show={formatPercent} />
          </Tile>
        ))}
      </dl>
      <DayBars name={nameService(name)} days={service.days} />
    </section>
  );
}
