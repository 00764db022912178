/** Resources of the monitor and of the database. */

import type { Health, SystemMetrics } from "../../lib/api/types";
import { formatMegabytes, formatMs, formatPercent } from "../../lib/format/numbers";
import { type Live, useSlow } from "../../lib/polling/use-live";
import { Facts, Meter } from "../../ui/facts";
import { Figure, Reasons } from "../../ui/figure";
import { Panel } from "../../ui/panel";
import { When } from "../../ui/state";
import { Age } from "../../ui/time";

export function Resources({ health }: { health: Live<Health> }) {
  const system = useSlow<SystemMetrics>("/api/metrics/system");
  return (
    <Panel title="Resources" kind="wide" folds>
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
                <Meter percent={memory.percent} limit={80} name={`memory: ${formatPercent(memory.percent)}, limit 80 %`} />
              )}{" "}
              <Figure value={memory?.percent} path="resources.memory.percent" unknown={unknown} show={formatPercent} />
            </>,
          ],
          [
            "memory used",
            <Figure value={memory?.used_mb} path="resources.memory.used_mb" unknown={unknown} show={formatMegabytes} />,
          ],
          [
            "connections of this process",
            <Figure value={pool?.utilization} path="resources.pool.utilization" unknown={unknown} show={formatPercent} />,
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
          ["database size", <Figure value={database.size_mb} path="database.size_mb" unknown={unknown} show={formatMegabytes} />],
          [
            "cache hits",
            <Figure
              value={database.cache_hit_percent}
              path="database.cache_hit_percent"
              unknown={unknown}
              show={formatPercent}
            />,
          ],
          [
            "longest query",
            <Figure
              value={database.longest_query_s}
              path="database.longest_query_s"
              unknown={unknown}
              show={(value) => formatMs(value * 1000)}
            />,
          ],
        ]}
      />
      <Reasons unknown={unknown} under={["database"]} />
    </div>
  );
}
