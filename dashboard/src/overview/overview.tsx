/** The first view: is it working, what is wrong, since when, what to do. */

import type { AlertPage, Health, Status } from "../api-types";
import { type Live, useLive } from "../poll";
import { When } from "../ui/state";
import { Errors } from "./errors";
import { Headline } from "./headline";
import { Performance } from "./performance";
import { Pipeline } from "./pipeline";
import { Queues } from "./queues";
import { Activity, RawLinks, Resources } from "./rest";
import { Services } from "./services";
import { Wrong } from "./wrong";

export function Overview() {
  const status = useLive<Status>("/api/status");
  return (
    <div class="overview">
      <When live={{ ...status, error: status.data ? null : status.error }}>{(found) => <Panels status={found} live={status} />}</When>
      {status.data === undefined && status.error && <Rest />}
      <RawLinks />
    </div>
  );
}

/** Without the state stands all that has an answer of its own. */
function Rest() {
  const health = useLive<Health>("/api/health");
  return (
    <>
      <Wrong />
      <Services health={health} />
      <Pipeline />
      <Errors />
      <Resources health={health} />
    </>
  );
}

/** All that stands below the state; asked for when the state is there, which so comes first. */
function Panels({ status, live }: { status: Status; live: Live<Status> }) {
  const health = useLive<Health>("/api/health");
  const alerts = useLive<AlertPage>("/api/alerts?limit=200");
  return (
    <>
      <Headline status={status} live={live} health={health.data} alerts={alerts.data} />
      <Wrong status={status} />
      <Services health={health} />
      <Pipeline />
      <Queues status={status} />
      <Errors />
      <Performance status={status} />
      <Activity status={status} />
      <Resources health={health} />
    </>
  );
}
