/** The queues over time; their figures, most of which the pipeline has too, are folded. */

import { Charts } from "../../charts/panel";
import type { JobMetrics, Queues as QueueFigures, Unknown } from "../../lib/api/types";
import { formatMs, formatNumber, formatSeconds, formatShare } from "../../lib/format/numbers";
import { type Live, useSlow } from "../../lib/polling/use-live";
import { Facts, Tile } from "../../ui/facts";
import { Figure, Reasons } from "../../ui/figure";
import { Panel } from "../../ui/panel";
import { When } from "../../ui/state";
import { Age } from "../../ui/time";

interface QueuesProps {
  queues: QueueFigures;
  unknown: Record<string, Unknown>;
}

export function Queues({ queues, unknown }: QueuesProps) {
  const live = useSlow<JobMetrics>("/api/metrics/jobs");
  return (
    <Panel title="Queues" kind="wide" folds>
      <Charts metric="queues" wanted={[{ title: "Waiting", take: (series) => series.name === "pending" }]} />
      <details>
        <summary>Recordings and transcriptions in figures</summary>
        <div class="columns">
          <Recordings queues={queues} unknown={unknown} live={live} />
          <Transcriptions queues={queues} unknown={unknown} live={live} />
        </div>
      </details>
      <Reasons unknown={unknown} under={["services.queues"]} />
    </Panel>
  );
}

/** The reasons without one path, whose reason already stands below the panel. */
function omitPath(unknown: NonNullable<Reasons>, path: string): NonNullable<Reasons> {
  return Object.fromEntries(Object.entries(unknown).filter(([name]) => name !== path));
}

type PartProps = QueuesProps & { live: Live<JobMetrics> };

function Recordings({ queues, unknown, live }: PartProps) {
  const queue = queues.recordings;
  const figure = (name: keyof typeof queue) => (
    <Figure value={queue[name]} path={`services.queues.recordings.${name}`} unknown={unknown} />
  );
  return (
    <div>
      <h3>Recordings</h3>
      <dl class="tiles">
        <Tile name="waiting">{figure("pending")}</Tile>
        <Tile name="overdue" kind={(queue.stale ?? 0) > 5 ? "warning" : ""}>
          {figure("stale")}
        </Tile>
        <Tile name="failed, 24 h">{figure("failed")}</Tile>
      </dl>
      <When live={live}>
        {({ recording_queue: jobs, unknown }) => (
          <>
            <Facts
              rows={[
                [
                  "oldest",
                  jobs.oldest_pending ? (
                    <Age since={jobs.oldest_pending} />
                  ) : (
                    <Figure value={null} path="recording_queue.oldest_pending" unknown={unknown} />
                  ),
                ],
                [
                  "waiting for retry",
                  <Figure value={jobs.retry_pending} path="recording_queue.retry_pending" unknown={unknown} />,
                ],
                ["fetched, 24 h", <Figure value={jobs.completed} path="recording_queue.completed" unknown={unknown} />],
                [
                  "average time",
                  <Figure
                    value={jobs.avg_processing_time_ms}
                    path="recording_queue.avg_processing_time_ms"
                    unknown={unknown}
                    show={formatMs}
                  />,
                ],
              ]}
            />
            <Reasons unknown={omitPath(unknown, "recording_queue.processing")} under={["recording_queue"]} />
          </>
        )}
      </When>
    </div>
  );
}

function Transcriptions({ queues, unknown, live }: PartProps) {
  const queue = queues.transcriptions;
  const figure = (name: keyof typeof queue) => (
    <Figure value={queue[name]} path={`services.queues.transcriptions.${name}`} unknown={unknown} />
  );
  return (
    <div>
      <h3>Transcriptions</h3>
      <dl class="tiles">
        <Tile name="waiting">{figure("pending")}</Tile>
        <Tile name="processing">{figure("processing")}</Tile>
        <Tile name="completed today">{figure("completed_today")}</Tile>
      </dl>
      <When live={live}>
        {({ transcription_queue: jobs, throughput, unknown }) => (
          <>
            <Facts
              rows={[
                ["failed, 24 h", <Figure value={jobs.failed} path="transcription_queue.failed" unknown={unknown} />],
                [
                  "success rate, 24 h",
                  <Figure
                    value={jobs.success_rate}
                    path="transcription_queue.success_rate"
                    unknown={unknown}
                    show={formatShare}
                  />,
                ],
                [
                  "average time",
                  <Figure
                    value={jobs.avg_duration_seconds}
                    path="transcription_queue.avg_duration_seconds"
                    unknown={unknown}
                    show={formatSeconds}
                  />,
                ],
                [
                  "per minute",
                  <Figure
                    value={throughput.transcriptions_per_minute}
                    path="throughput.transcriptions_per_minute"
                    unknown={unknown}
                    show={formatNumber}
                  />,
                ],
              ]}
            />
            <Reasons unknown={unknown} under={["transcription_queue", "throughput.transcriptions_per_minute"]} />
          </>
        )}
      </When>
    </div>
  );
}
