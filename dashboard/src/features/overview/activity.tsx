/** What the product did in the last hour. */

import type { RecentActivity, Status } from "../../lib/api/types";
import { Tile } from "../../ui/facts";
import { Figure, Reasons } from "../../ui/figure";
import { Panel } from "../../ui/panel";

const ACTIVITIES: [keyof RecentActivity, string][] = [
  ["calls_processed_last_hour", "calls processed"],
  ["recordings_fetched_last_hour", "recordings fetched"],
  ["transcriptions_completed_last_hour", "transcriptions completed"],
  ["analyses_completed_last_hour", "analyses completed"],
];

export function Activity({ status }: { status: Status }) {
  return (
    <Panel title="Recent activity" kind="wide" aside={<span class="quiet">last hour</span>}>
      <dl class="tiles">
        {ACTIVITIES.map(([name, title]) => (
          <Tile key={name} name={title}>
            <Figure value={status.recent_activity[name]} path={`recent_activity.${name}`} unknown={status.unknown} />
          </Tile>
        ))}
      </dl>
      <Reasons unknown={status.unknown} under={["recent_activity"]} />
    </Panel>
  );
}
