/** Every scheduled job: those that send check-ins, and the product's own. */

import type { CronJob } from "../../lib/api/types";
import { formatSeconds } from "../../lib/format/numbers";
import { usePages } from "../../lib/polling/pages";
import { Badge } from "../../ui/badge";
import { Unknown } from "../../ui/figure";
import { Paged } from "../../ui/paged";
import { Panel } from "../../ui/panel";
import { Table } from "../../ui/table";
import { Age, Time } from "../../ui/time";

const ORDER: CronJob["state"][] = ["failed", "missed", "late", "running", "unknown", "ok"];
const WORDS: Record<CronJob["state"], string> = {
  ok: "ok",
  running: "info",
  late: "warning",
  missed: "critical",
  failed: "critical",
  unknown: "unknown",
};

export function Crons() {
  const pages = usePages<CronJob>("/api/crons");
  return (
    <Panel title="Crons" kind="wide">
      <Paged pages={pages} words={["job", "jobs"]} order="what needs a look first" none="No job is known yet.">
        {(items) => (
          <Table
            items={sortJobs(items)}
            getKey={(job) => `${job.project_id} ${job.environment} ${job.slug}`}
            columns={[
              ["Job", (job) => <Name job={job} />],
              ["State", ({ state }) => <Badge word={WORDS[state]}>{state}</Badge>],
              ["Schedule", (job) => <Schedule job={job} />],
              ["Last", (job) => <Last job={job} />],
              ["Next", ({ next_at, unknown }) => (next_at ? <Time at={next_at} /> : <Unknown reason={unknown.next_at} />)],
              [
                "Took",
                (job) => (job.duration_s === null ? <Unknown reason={job.unknown.duration_s} /> : formatSeconds(job.duration_s)),
              ],
            ]}
          />
        )}
      </Paged>
    </Panel>
  );
}

function sortJobs(jobs: readonly CronJob[]): CronJob[] {
  return [...jobs].sort((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state) || a.slug.localeCompare(b.slug));
}

function Name({ job }: { job: CronJob }) {
  return (
    <>
      {job.slug}
      <span class="quiet">
        {" "}
        {job.source === "product" ? "the product's own" : "sends check-ins"}
        {job.environment && `, ${job.environment}`}
      </span>
      {job.problem && <p class="problem">{job.problem}</p>}
    </>
  );
}

function Schedule({ job }: { job: CronJob }) {
  return (
    <>
      {job.schedule ?? <Unknown reason={job.unknown.schedule} />} <span class="quiet">{job.timezone}</span>
    </>
  );
}

function Last({ job }: { job: CronJob }) {
  if (!job.last_at) return <Unknown reason={job.unknown.last_at} />;
  return (
    <>
      <Age since={job.last_at} /> ago
    </>
  );
}
