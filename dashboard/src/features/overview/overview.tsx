/** The first view: whether it works, what is wrong, since when, and what to do. */

import type { Health, Incident, Overview as OverviewAnswer, Pipeline as PipelineAnswer } from "../../lib/api/types";
import { pickReasons, pickUsual, useOverview } from "../../lib/overview";
import { useLive, useSlow } from "../../lib/polling/use-live";
import { lazy } from "../../ui/lazy";
import { When } from "../../ui/state";
import { FiringAlerts, Issues } from "../alerts/wrong";
import { Errors } from "../errors/panel";
import { loadLater } from "../frame/load-later";
import { OpenIncidents } from "../incidents/wrong";
import { Performance } from "../performance/performance";
import { Pipeline } from "../pipeline/pipeline";
import { Queues } from "../pipeline/queues";
import { RawLinks } from "../raw/links";
import { Services } from "../uptime/services";
import { Configuration } from "./configuration";
import { Resources } from "./resources";

/** It has the room of what will stand there; the space is a line of text, which has a baseline. */
const WAITING = (
  <>
    <div class="cause-chart" />
    <p class="steps">{"\u00a0"}</p>
  </>
);
const CardMore = lazy<{ incident: Incident }>(
  () =>
    loadLater().then(
      ({ CardMore }) => CardMore,
      () => NotLoaded,
    ),
  WAITING,
);

/** The card is worth more than what is missing on it. */
function NotLoaded() {
  return <p class="steps quiet">The chart and the first steps could not be loaded.</p>;
}

export function Overview() {
  const { data, error } = useOverview();
  const health = useSlow<Health>("/api/health");
  const isWaiting = (data === undefined && !error) || (health.data === undefined && !health.error);
  return (
    <div class="overview">
      {isWaiting && <Skeleton />}
      {!isWaiting && data && <Panels overview={data} />}
      {!isWaiting && !data && <Fallback />}
      <RawLinks />
    </div>
  );
}

/** A box where the panels will stand: panels that grow while somebody reads would move what is below them. */
function Skeleton() {
  return <p class="skeleton loading">Loading …</p>;
}

/** Without the overview, the panels that have a response of their own. */
function Fallback() {
  const overview = useOverview();
  const health = useSlow<Health>("/api/health");
  const pipeline = useLive<PipelineAnswer>("/api/pipeline");
  return (
    <>
      <When live={overview}>{() => null}</When>
      <FiringAlerts />
      <Configuration health={health.data} />
      <When live={pipeline}>{(found) => <Pipeline found={found} unknown={found.unknown} issues={[]} />}</When>
      <Services health={health} />
      <Resources health={health} />
    </>
  );
}

/** The panels appear together, so that none pushes another one down. A part that could not be read costs only its own panel. */
function Panels({ overview }: { overview: OverviewAnswer }) {
  const health = useSlow<Health>("/api/health");
  const { incidents, open_incidents, issues, pipeline, services, performance, errors, error_groups, unknown } = overview;
  return (
    <>
      {incidents ? (
        <OpenIncidents
          incidents={incidents}
          count={open_incidents ?? incidents.length}
          More={CardMore}
          notice={<Configuration health={health.data} />}
        />
      ) : (
        <>
          <Issues issues={issues} why={unknown.incidents?.message ?? "the incidents are unknown"} />
          <Configuration health={health.data} />
        </>
      )}
      {pipeline ? (
        <Pipeline found={pipeline} unknown={pickReasons(unknown, "pipeline")} issues={issues ?? []} {...pickUsual(overview)} />
      ) : (
        <Missing name="Pipeline" overview={overview} part="pipeline" />
      )}
      <Services health={health} overview={overview} />
      {services ? (
        <Queues queues={services.queues} unknown={unknown} />
      ) : (
        <Missing name="Queues" overview={overview} part="services" />
      )}
      <Errors summary={errors?.summary} groups={error_groups} unknown={unknown} />
      {performance ? (
        <Performance performance={performance} unknown={unknown} />
      ) : (
        <Missing name="Performance" overview={overview} part="performance" />
      )}
      <Resources health={health} />
    </>
  );
}

/** A part of the overview that could not be read. */
function Missing({ name, overview, part }: { name: string; overview: OverviewAnswer; part: string }) {
  return (
    <section class="panel wide" aria-label={name}>
      <h2>{name}</h2>
      <p class="problem">
        <span aria-hidden="true">? </span>unknown: {overview.unknown[part]?.message}
      </p>
    </section>
  );
}
