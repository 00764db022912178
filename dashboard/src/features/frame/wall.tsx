/** The first view for a screen on a wall: everything at once, without scrolling, with yesterday as a ghost line. */

import { Charts } from "../../charts/panel";
import type { Health } from "../../lib/api/types";
import { pickReasons, pickUsual, useOverview } from "../../lib/overview";
import { useSlow } from "../../lib/polling/use-live";
import { Panel } from "../../ui/panel";
import { Issues } from "../alerts/wrong";
import { CardMore } from "../incidents/card-more";
import { OpenIncidents } from "../incidents/wrong";
import { Pipeline } from "../pipeline/pipeline";
import { Services } from "../uptime/services";

// What fits next to the services.
const INCIDENTS = 3;

export function Wall() {
  const { data } = useOverview();
  const health = useSlow<Health>("/api/health");
  if (!data) return <p class="skeleton loading">Loading …</p>;
  const { incidents, open_incidents, issues, pipeline, unknown } = data;
  return (
    <div class="wall">
      {pipeline ? (
        <Pipeline found={pipeline} unknown={pickReasons(unknown, "pipeline")} issues={issues ?? []} {...pickUsual(data)} />
      ) : (
        <p class="problem panel">unknown: {unknown.pipeline?.message}</p>
      )}
      {incidents ? (
        <OpenIncidents incidents={incidents} count={open_incidents ?? incidents.length} most={INCIDENTS} More={CardMore} />
      ) : (
        <Issues issues={issues} why={unknown.incidents?.message ?? "the incidents are unknown"} />
      )}
      <Services health={health} overview={data} />
      <Panel title="Today, and yesterday as a ghost" kind="wall-charts">
        <Charts metric="requests" before="1d" wanted={[{ title: "Latency p95", take: ({ name }) => name === "p95" }]} />
        <Charts metric="errors" before="1d" wanted={[{ title: "Errors", kind: "stack", take: () => true }]} />
      </Panel>
    </div>
  );
}
