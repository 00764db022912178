/** What a card shows once the first view stands: the value of its cause over time with the threshold, and the first two steps. */

import { drawLine } from "../../charts/threshold-line";
import type { CauseValues, Incident, Unknown } from "../../lib/api/types";
import { describeMeasured, formatInUnit } from "../../lib/format/numbers";
import { formatElapsed } from "../../lib/format/times";
import { useOverview } from "../../lib/overview";
import { linkTo } from "../../lib/route";
import { Unknown as UnknownFigure } from "../../ui/figure";

/** The first two steps of each rule's runbook: what to do, detail, where; the build defines it. */
declare const RUNBOOK_STEPS: string;
type Step = [title: string, detail: string, where: string];

let known: Record<string, Step[]> | null = null;

export function CardMore({ incident }: { incident: Incident }) {
  const overview = useOverview().data;
  const place = overview?.cause_values?.findIndex(({ incident_id }) => incident_id === incident.id) ?? -1;
  return (
    <>
      <ValueChart
        incident={incident}
        values={overview?.cause_values?.[place]}
        reason={overview?.unknown[`cause_values.${place}.points`] ?? overview?.unknown.cause_values}
      />
      <Steps incident={incident} />
    </>
  );
}

interface ValueChartProps {
  incident: Incident;
  values: CauseValues | undefined;
  reason: Unknown | undefined;
}

function ValueChart({ incident: { cause }, values, reason }: ValueChartProps) {
  if (!values?.points) {
    return (
      <div class="cause-chart">
        <small>
          history <UnknownFigure reason={reason} />
        </small>
      </div>
    );
  }
  const { points, since, until, step_s } = values;
  const isYes = cause.unit === "yes";
  const limit = isYes ? null : cause.threshold;
  const { line, limitY } = drawLine(points, { since, until, stepS: step_s, limit });
  const name = `${describeMeasured(cause)}, over ${formatElapsed(since, Date.parse(until))}`;
  return (
    <div class="cause-chart">
      <svg viewBox="0 0 120 30" preserveAspectRatio="none" role="img" aria-label={name}>
        <title>{name}</title>
        {limitY !== null && <path class="limit" d={`M0 ${limitY}H120`} />}
        <path class="line" d={line} />
      </svg>
      <small>
        {cause.value === null ? "unknown" : isYes && cause.value === 1 ? "" : formatInUnit(cause.value, cause.unit)}
        {limit !== null && ` (${cause.comparison ?? "threshold"} ${formatInUnit(limit, cause.unit)})`}
      </small>
    </div>
  );
}

function Steps({ incident }: { incident: Incident }) {
  known ??= JSON.parse(RUNBOOK_STEPS) as Record<string, Step[]>;
  const steps = known[incident.cause.rule_id] ?? [];
  return (
    <p class="steps">
      {steps.map((step, place) => {
        const { words, to } = placeStep(step, incident);
        return (
          <a key={place} href={to} title={words}>
            {place + 1}. {words}
          </a>
        );
      })}
    </p>
  );
}

/** The words of a step, and the address where it leads: the stage that the incident is about instead of the whole pipeline. */
export function placeStep([title, detail, where]: Step, { cause, alerts }: Incident): { words: string; to: string } {
  const stage = [cause, ...alerts].find(({ labels }) => labels.stage)?.labels.stage;
  const isOfStage = stage !== undefined && ["raw/pipeline", "raw/metrics/jobs"].includes(where);
  const begin = isOfStage ? `See the stage ${stage}` : title;
  const words = detail ? `${begin}: ${detail}` : begin;
  if (isOfStage) return { words, to: linkTo(`stages/${stage}`) };
  if (where === "alert") return { words, to: linkTo(`alerts/${cause.id}`) };
  if (where === "runbook") return { words, to: linkTo(`runbooks/${cause.rule_id}`) };
  const [path = "", query = ""] = where.split("?");
  return { words, to: linkTo(path, Object.fromEntries(new URLSearchParams(query))) };
}
