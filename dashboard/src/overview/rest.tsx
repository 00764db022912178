/** What was done in the last hour, what the monitor runs on, and the raw answers. */

import type { Health, RecentActivity, Status, SystemMetrics } from "../api-types";
import { megabytes, ms, percent, words } from "../format";
import { type Live, useLive } from "../poll";
import { to } from "../route";
import { Age, Facts, Figure, Meter, Panel, Reasons, Tile } from "../ui/basics";
import { When } from "../ui/state";

export function Activity({ status }: { status: Status }) {
  const names = Object.keys(status.recent_activity) as (keyof RecentActivity)[];
  return (
    <Panel title="Recent activity" kind="wide" aside={<span class="quiet">last hour</span>}>
      <dl class="tiles">
        {names.map((name) => (
          <Tile key={name} name={words(name.replace("_last_hour", ""))}>
            <Figure value={status.recent_activity[name]} path={`recent_activity.${name}`} unknown={status.unknown} />
          </Tile>
        ))}
      </dl>
      <Reasons unknown={status.unknown} under={["recent_activity"]} />
    </Panel>
  );
}

export function Resources({ health }: { health: Live<Health> }) {
  const system = useLive<SystemMetrics>("/api/metrics/system");
  return (
    <Panel title="Resources" kind="wide">
      <div class="columns">
        <When live={health}>{(found) => <Own health={found} />}</When>
        <When live={system}>{(found) => <Database system={found} />}</When>
      </div>
    </Panel>
  );
}

function Own({ health }: { health: Health }) {
  const { resources, unknown, monitor, environment } = health;
  const memory = resources?.memory;
  const pool = resources?.pool;
  return (
    <div>
      <Facts
        rows={[
          [
            "memory",
            <>
              {memory?.percent != null && (
                <Meter percent={memory.percent} limit={80} name={`memory: ${percent(memory.percent)}, too much above 80 %`} />
              )}{" "}
              <Figure value={memory?.percent} path="resources.memory.percent" unknown={unknown} show={percent} />
            </>,
          ],
          ["memory used", <Figure value={memory?.used_mb} path="resources.memory.used_mb" unknown={unknown} show={megabytes} />],
          [
            "connections of this process",
            <Figure value={pool?.utilization} path="resources.pool.utilization" unknown={unknown} show={percent} />,
          ],
          [
            "monitor's last cycle",
            monitor?.last_cycle_at ? (
              <>
                <Age since={monitor.last_cycle_at} /> ago
              </>
            ) : (
              <Figure value={null} path="monitor.last_cycle_at" unknown={unknown} />
            ),
          ],
          ["version", `${environment?.version ?? "unknown"}${environment?.stage ? `, ${environment.stage}` : ""}`],
        ]}
      />
      <Reasons unknown={unknown} under={["resources"]} />
    </div>
  );
}

function Database({ system }: { system: SystemMetrics }) {
  const { database, unknown } = system;
  const { active, idle, max } = database.connections;
  return (
    <div>
      <Facts
        rows={[
          [
            "database sessions",
            active === null ? (
              <Figure value={null} path="database.connections.active" unknown={unknown} />
            ) : (
              `${active} active, ${idle ?? "?"} idle${max ? ` of ${max}` : ""}`
            ),
          ],
          ["database size", <Figure value={database.size_mb} path="database.size_mb" unknown={unknown} show={megabytes} />],
          [
            "cache hits",
            <Figure value={database.cache_hit_percent} path="database.cache_hit_percent" unknown={unknown} show={percent} />,
          ],
          [
            "longest query",
            <Figure
              value={database.longest_query_s}
              path="database.longest_query_s"
              unknown={unknown}
              show={(value) => ms(value * 1000)}
            />,
          ],
        ]}
      />
      <Reasons unknown={unknown} under={["database"]} />
    </div>
  );
}

const LINKS = [
  "health",
  "status",
  "metrics/system",
  "metrics/jobs",
  "metrics/errors",
  "metrics/prometheus",
  "pipeline",
  "errors",
  "alerts",
  "silences",
  "rules",
  "uptime",
  "openapi.json",
];

export function RawLinks() {
  return (
    <nav class="raw" aria-label="Raw answers">
      <span class="quiet">Raw answers</span>
      {LINKS.map((name) => (
        <a key={name} href={to(`raw/${name}`)}>
          /api/{name}
        </a>
      ))}
    </nav>
  );
}
