/** The first view: whether it works, what is wrong, since when, and what to do. */

import type { AlertPage, Health, IncidentPage, Pipeline as PipelineAnswer, Status } from "../../lib/api/types";
import { useFiring } from "../../lib/firing";
import { sortIncidents, useOpenIncidents } from "../../lib/incidents";
import { type Live, useLive } from "../../lib/polling/use-live";
import { When } from "../../ui/state";
import { Wrong } from "../alerts/wrong";
import { Errors } from "../errors/panel";
import { OpenIncidents } from "../incidents/wrong";
import { Performance } from "../performance/performance";
import { Pipeline } from "../pipeline/pipeline";
import { Queues } from "../pipeline/queues";
import { RawLinks } from "../raw/links";
import { Services } from "../uptime/services";
import { Activity } from "./activity";
import { Configuration } from "./configuration";
import { Headline } from "./headline";
import { Resources } from "./resources";

export function Overview() {
  const status = useLive<Status>("/api/status");
  if (status.data === undefined && !status.error) {
    return (
      <div class="overview">
        <p class="skeleton headline loading">Loading …</p>
        <Skeleton />
      </div>
    );
  }
  return (
    <div class="overview">
      <When live={{ ...status, error: status.data ? null : status.error }}>
        {(found) => <Panels status={found} live={status} />}
      </When>
      {status.data === undefined && status.error && <Fallback />}
      <RawLinks />
    </div>
  );
}

/** A box where the panels will stand: panels that grow while somebody reads would move what is below them. */
function Skeleton() {
  return <p class="skeleton loading">Loading …</p>;
}

/** Without the status, the panels that have a response of their own. */
function Fallback() {
  const health = useLive<Health>("/api/health");
  return (
    <>
      <Wrong />
      <Configuration health={health.data} />
      <Services health={health} />
      <Pipeline />
      <Errors />
      <Resources health={health} />
    </>
  );
}

/** The panels below the headline appear together, so that none pushes another one down. */
function Panels({ status, live }: { status: Status; live: Live<Status> }) {
  const health = useLive<Health>("/api/health");
  const alerts = useLive<AlertPage>("/api/alerts?limit=200");
  const incidents = useOpenIncidents();
  const firing = useFiring();
  const pipeline = useLive<PipelineAnswer>("/api/pipeline");
  const serious = sortIncidents(incidents.data?.items ?? []).filter(({ level }) => level !== "info");
  const isWaiting = [health, incidents, firing, pipeline].some(({ data, error }) => data === undefined && error === null);
  return (
    <>
      <Headline status={status} live={live} alerts={alerts.data} incidents={serious} />
      {isWaiting ? (
        <Skeleton />
      ) : (
        <>
          {isBlind(incidents) ? <Wrong status={status} /> : <OpenIncidents live={incidents} />}
          <Configuration health={health.data} />
          <Pipeline />
          <Services health={health} />
          <Queues status={status} />
          <Errors />
          <Performance status={status} />
          <Activity status={status} />
          <Resources health={health} />
        </>
      )}
    </>
  );
}

/** Without its database the API has no list of incidents. */
function isBlind({ data, error }: Live<IncidentPage>): boolean {
  return error !== null && (data === undefined || error.status === 503);
}
