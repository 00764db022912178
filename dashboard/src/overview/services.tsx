/** Services: state, reason, latency now and over time, ninety days. */

import type { Health, History, ServiceHealth, UptimeReport } from "../api-types";
import { DayBars } from "../charts/daybars";
import { Sparkline } from "../charts/sparkline";
import { ms, percent, serviceName, words } from "../format";
import { type Live, useLive, useLiveKept } from "../poll";
import { to, useRange } from "../route";
import { Badge, Figure, Panel, Unknown } from "../ui/basics";
import { When } from "../ui/state";

export function Services({ health }: { health: Live<Health> }) {
  const uptime = useLive<UptimeReport>("/api/uptime");
  const history = useLiveKept<History>(`/api/metrics/history?metric=services&range=${useRange()}`);
  return (
    <Panel title="Services" kind="wide" aside={<a href={to("uptime")}>Uptime</a>}>
      <When live={health}>
        {(found) => (
          <ul class="services">
            {Object.entries(found.services).map(([name, service]) => (
              <Service
                key={name}
                name={name}
                service={service}
                unknown={found.unknown}
                uptime={uptime.data}
                latencies={latenciesOf(history.data, name)}
              />
            ))}
          </ul>
        )}
      </When>
    </Panel>
  );
}

interface ServiceProps {
  name: string;
  service: ServiceHealth;
  unknown: Record<string, string>;
  uptime: UptimeReport | undefined;
  latencies: (number | null)[];
}

function Service({ name, service, unknown, uptime, latencies }: ServiceProps) {
  const days = uptime?.services[name];
  return (
    <li class="service">
      <div class="service-name">
        <strong>{serviceName(name)}</strong>
        <Badge word={service.status} />
        {service.reason && <span class="quiet">{words(service.reason)}</span>}
      </div>
      <div class="service-latency">
        {service.latency === null ? (
          <Unknown reason={unknown[`services.${name}.latency`]} />
        ) : (
          <Figure value={service.latency} path="" unknown={{}} show={ms} />
        )}
        <Sparkline values={latencies} name={`${name}: latency over the range`} />
      </div>
      {days ? <DayBars name={serviceName(name)} days={days.days} /> : <div class="days" />}
      <div class="service-uptime">
        {days && <Figure value={days.uptime_90d} path={`services.${name}.uptime_90d`} unknown={uptime?.unknown} show={percent} />}
        <span class="quiet">90 days</span>
      </div>
    </li>
  );
}

function latenciesOf(history: History | undefined, service: string): (number | null)[] {
  const found = history?.series?.find((series) => series.labels.service === service && series.unit === "ms");
  return found?.points.map(([, value]) => value) ?? [];
}
