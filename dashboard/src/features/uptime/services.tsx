/** Services: state, reason, latency, and uptime of 90 days. */

import { DayBars } from "../../charts/daybars";
import { Sparkline } from "../../charts/sparkline";
import type { Health, History, Overview, ServiceHealth, UptimeReport } from "../../lib/api/types";
import { nameService, toWords } from "../../lib/format/names";
import { formatMs, formatPercent } from "../../lib/format/numbers";
import { type Live, useSlow, useSlowKept } from "../../lib/polling/use-live";
import { linkTo, useRange } from "../../lib/route";
import { Badge } from "../../ui/badge";
import { Figure, type Reasons, Unknown } from "../../ui/figure";
import { Panel } from "../../ui/panel";
import { When } from "../../ui/state";

interface ServicesProps {
  health: Live<Health>;
  /** What is newer than the health: the last results of the probes, and the state of the database. */
  overview?: Overview;
}

export function Services({ health, overview }: ServicesProps) {
  const uptime = useSlow<UptimeReport>("/api/uptime");
  const history = useSlowKept<History>(`/api/metrics/history?metric=services&range=${useRange()}`);
  return (
    <Panel title="Services" kind="wide" aside={<a href={linkTo("uptime")}>Uptime</a>}>
      <When live={health}>
        {(found) => (
          <ul class="services">
            {Object.entries(found.services).map(([name, service]) => (
              <Service
                key={name}
                name={name}
                service={{ ...service, ...judgeService(name, overview) }}
                unknown={found.unknown}
                uptime={uptime.data}
                latencies={listLatencies(history.data, name)}
              />
            ))}
          </ul>
        )}
      </When>
    </Panel>
  );
}

const DATABASE = { operational: "healthy", saturated: "degraded", down: "unhealthy" } as const;

/** The state of a service by the overview; nothing where that does not know it. */
function judgeService(name: string, overview: Overview | undefined): Partial<ServiceHealth> {
  if (name === "database" && overview?.services) {
    const status = DATABASE[overview.services.database.status];
    return { status, ...(status === "healthy" ? { reason: null } : {}) };
  }
  const check = overview?.checks?.[name];
  return check ? { status: check.status, reason: check.reason } : {};
}

interface ServiceProps {
  name: string;
  service: ServiceHealth;
  unknown: NonNullable<Reasons>;
  uptime: UptimeReport | undefined;
  latencies: (number | null)[];
}

function Service({ name, service, unknown, uptime, latencies }: ServiceProps) {
  const days = uptime?.services[name];
  return (
    <li class="service">
      <div class="service-name">
        <strong>{nameService(name)}</strong>
        <Badge word={service.status} />
        {service.reason && <span class="quiet">{toWords(service.reason)}</span>}
      </div>
      <div class="service-latency">
        {service.latency === null ? (
          <Unknown reason={unknown[`services.${name}.latency`]} />
        ) : (
          <Figure value={service.latency} path="" unknown={{}} show={formatMs} />
        )}
        <Sparkline values={latencies} name={`${name}: latency over the range`} />
      </div>
      {days ? <DayBars name={nameService(name)} days={days.days} /> : <div class="days" />}
      <div class="service-uptime">
        {days && (
          <Figure value={days.uptime_90d} path={`services.${name}.uptime_90d`} unknown={uptime?.unknown} show={formatPercent} />
        )}
        <span class="quiet">90 days</span>
      </div>
    </li>
  );
}

function listLatencies(history: History | undefined, service: string): (number | null)[] {
  const found = history?.series?.find((series) => series.labels.service === service && series.unit === "ms");
  return found?.points.map(([, value]) => value) ?? [];
}
