/** Uptime by service: four windows and ninety days. */

import type { ServiceUptime, UptimeReport } from "../api-types";
import { Charts } from "../charts/panel";
import { DayBars } from "../charts/daybars";
import { percent, serviceName } from "../format";
import { useLive } from "../poll";
import { Figure, Panel, Tile } from "../ui/basics";
import { When } from "../ui/state";

const WINDOWS = [
  ["uptime_24h", "24 hours"],
  ["uptime_7d", "7 days"],
  ["uptime_30d", "30 days"],
  ["uptime_90d", "90 days"],
] as const;

export function Uptime() {
  const live = useLive<UptimeReport>("/api/uptime");
  return (
    <div class="stack">
      <Panel title="Uptime" kind="wide" aside={<span class="quiet">share of checked minutes, UTC days</span>}>
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

function Service({ name, service, unknown }: { name: string; service: ServiceUptime; unknown: Record<string, string> }) {
  return (
    <section class="uptime" aria-label={name}>
      <h3>{serviceName(name)}</h3>
      <dl class="tiles">
        {WINDOWS.map(([field, title]) => (
          <Tile key={field} name={title}>
            <Figure value={service[field]} path={`services.${name}.${field}`} unknown={unknown} show={percent} />
          </Tile>
        ))}
      </dl>
      <DayBars name={serviceName(name)} days={service.days} />
    </section>
  );
}
