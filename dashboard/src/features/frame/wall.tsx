/** The first view for a screen on a wall: everything at once, without scrolling, with yesterday as a ghost line. */

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { Charts } from "../../charts/panel";
import type { Health } from "../../lib/api/types";
import { countSerious } from "../../lib/incidents";
import { pickReasons, pickUsual, useOverview } from "../../lib/overview";
import { useSlow } from "../../lib/polling/use-live";
import { Panel } from "../../ui/panel";
import { Issues } from "../alerts/wrong";
import { CardMore } from "../incidents/card-more";
import { OpenIncidents } from "../incidents/wrong";
import { Pipeline } from "../pipeline/pipeline";
import { Services } from "../uptime/services";

const INCIDENTS = 6;

export function Wall() {
  const { data } = useOverview();
  const { place, most } = useFitting(data);
  const health = useSlow<Health>("/api/health");
  if (!data) return <p class="skeleton loading">Loading …</p>;
  const { incidents, open_incidents, issues, pipeline, unknown } = data;
  const hidden = countSerious(data) - most;
  return (
    <div class="wall" ref={place}>
      {pipeline ? (
        <Pipeline found={pipeline} unknown={pickReasons(unknown, "pipeline")} issues={issues ?? []} {...pickUsual(data)} />
      ) : (
        <p class="problem panel">unknown: {unknown.pipeline?.message}</p>
      )}
      {incidents ? (
        <OpenIncidents
          incidents={incidents}
          count={open_incidents ?? incidents.length}
          most={most}
          More={CardMore}
          notice={hidden > 0 && <span class="quiet">+{hidden} more</span>}
        />
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

/** As many incidents as fit whole: one less until nothing of the panel overflows, and all again after new data or another size. */
function useFitting(data: unknown) {
  const place = useRef<HTMLDivElement>(null);
  const [fit, setFit] = useState({ data, most: INCIDENTS });
  const most = fit.data === data ? fit.most : INCIDENTS;
  useLayoutEffect(() => {
    const panel = place.current?.querySelector(".alerts")?.closest(".panel");
    if (panel && most > 1 && panel.scrollHeight > panel.clientHeight) setFit({ data, most: most - 1 });
  });
  useLayoutEffect(() => {
    const again = () => setFit({ data: null, most: INCIDENTS });
    addEventListener("resize", again);
    return () => removeEventListener("resize", again);
  }, []);
  return { place, most };
}
