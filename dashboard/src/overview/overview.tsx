/** The first view: is it working, what is wrong, since when, what to do. */

import type { AlertPage, Health, Status } from "../api-types";
import { useLive } from "../poll";
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
  const health = useLive<Health>("/api/health");
  const alerts = useLive<AlertPage>("/api/alerts?limit=200");
  return (
    <div class="overview">
      <When live={{ ...status, error: status.data ? null : status.error }}>
        {(found) => (
          <>
            <Headline status={found} health={health.data} alerts={alerts.data} />
            <Wrong status={found} />
            <Services health={health} />
            <Pipeline />
            <Queues status={found} />
            <Errors />
            <Performance status={found} />
            <Activity status={found} />
            <Resources health={health} />
          </>
        )}
      </When>
      <RawLinks />
    </div>
  );
}
