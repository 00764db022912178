/** Every scheduled job: those that send check-ins, and the product's own. */

import type { CronJob } from "../../lib/api/types";
import { formatSeconds } from "../../lib/format/numbers";
import { usePages } from "../../lib/polling/pages";
import { Badge } from "../../ui/badge";
import { Unknown } from "../../ui/figure";
import { Paged } from "../../ui/paged";
import { Panel } from "../../ui/panel";
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
          <table class="stacking">
            <thead>
              <tr>
                <th scope="col">Job</th>
                {["State", "Schedule", "Last", "Next", "Took"].map((name) => (
                  <th scope="col" key={name} class="right">
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {sortJobs(items).map((job) => (
                <Row key={`${job.project_id} ${job.environment} ${job.slug}`} job={job} />
              ))}
            </tbody>
          </table>
        )}
      </Paged>
    </Panel>
  );
}

function sortJobs(jobs: readonly CronJob[]): CronJob[] {
  return [...jobs].sort((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state) || a.slug.localeCompare(b.slug));
}

function Row({ job }: { job: CronJob }) {
  return (
    <tr>
      <th scope="row">
        {job.slug}
        <span class="quiet">
          {" "}
          {job.source === "product" ? "the product's own" : "sends check-ins"}
          {job.environment && `, ${job.environment}`}
        </span>
        {job.problem && <p class="problem">{job.problem}</p>}
      </th>
      <td data-name="state">
        <Badge word={WORDS[job.state]}>{job.state}</Badge>
      </td>
      <td data-name="schedule">
        {job.schedule ?? <Unknown reason={job.unknown.schedule} />} <span class="quiet">{job.timezone}</span>
      </td>
      <td data-name="last">
        {job.last_at ? (
          <>
            <Age since={job.last_at} /> ago
          </>
        ) : (
          <Unknown reason={job.unknown.last_at} />
        )}
      </td>
      <td data-name="next">{job.next_at ? <Time at={job.next_at} /> : <Unknown reason={job.unknown.next_at} />}</td>
      <td data-name="took">
        {job.duration_s === null ? <Unknown reason={job.unknown.duration_s} /> : formatSeconds(job.duration_s)}
      </td>
    </tr>
  );
}
