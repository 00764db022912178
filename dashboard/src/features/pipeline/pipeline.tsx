/** The pipeline as a funnel: what arrives, what each stage completed, and where work is stuck. */

import { Sparkline } from "../../charts/sparkline";
import type { Issue, PipelineFigures, StageFigures, Unknown, UsualRate } from "../../lib/api/types";
import { toWords } from "../../lib/format/names";
import { formatCompact, formatSeconds, formatShare } from "../../lib/format/numbers";
import { linkToIssue, listIssuesAbout } from "../../lib/overview";
import { linkTo } from "../../lib/route";
import { Badge } from "../../ui/badge";
import { Facts } from "../../ui/facts";
import { Figure, Reasons, Unknown as UnknownFigure } from "../../ui/figure";
import { Panel } from "../../ui/panel";
import { Age } from "../../ui/time";
import { Completeness } from "./completeness";
import { Crons } from "./crons";
import { useDepths } from "./depths";

/** Kinds of stuck work. Dead letters also happen on good days: they are shown without a warning color. */
const STICKING = ["stuck", "zombie", "orphan", "false_success"] as const;

const NO_USUAL: Unknown = { code: "not_recorded", message: "too few earlier days are recorded at this hour" };

interface PipelineProps {
  found: PipelineFigures;
  unknown: Record<string, Unknown>;
  /** What fires. */
  issues: Issue[];
  /** What each stage usually completes in an hour, by its name. */
  usual?: Record<string, UsualRate | null> | null;
  /** Why what is usual is unknown. */
  whyNoUsual?: Unknown | undefined;
}

export function Pipeline(props: PipelineProps) {
  return (
    <Panel title="Pipeline" kind="wide">
      <Funnel {...props} />
    </Panel>
  );
}

function Funnel({ found, unknown, issues, usual, whyNoUsual }: PipelineProps) {
  const { freshness } = found;
  const findDepths = useDepths();
  const done = [freshness.actual_last_hour, ...found.stages.map((stage) => stage.completed_last_hour)];
  const most = Math.max(1, ...done.map((count) => count ?? 0));
  return (
    <>
      <ol class="funnel">
        <li class="stage">
          <h3>calls</h3>
          <Flow
            count={freshness.actual_last_hour}
            most={most}
            path="freshness.actual_last_hour"
            unknown={unknown}
            name="arrived"
            link={linkTo("stages/freshness", { state: "arrived_last_hour" })}
          />
          <Facts
            rows={[
              [
                "expected",
                <Figure
                  value={freshness.expected_per_hour}
                  path="freshness.expected_per_hour"
                  unknown={unknown}
                  show={formatCompact}
                />,
              ],
              [
                "last call",
                freshness.last_call_at ? (
                  <>
                    <Age since={freshness.last_call_at} /> ago
                  </>
                ) : (
                  <Figure value={null} path="freshness.last_call_at" unknown={unknown} />
                ),
              ],
              [
                "with recording",
                <Figure
                  value={found.recording_availability}
                  path="recording_availability"
                  unknown={unknown}
                  show={formatShare}
                />,
              ],
            ]}
          />
        </li>
        {found.stages.map((stage, index) => (
          <StageBox
            key={stage.name}
            stage={stage}
            depths={findDepths(stage.name)}
            usual={usual?.[stage.name]}
            whyNoUsual={whyNoUsual}
            alerts={listIssuesAbout(issues, "stage", stage.name)}
            path={`stages.${index}`}
            most={most}
            unknown={unknown}
          />
        ))}
      </ol>
      <div class="columns">
        <Crons crons={found.crons} issues={issues} />
        <Completeness fields={found.field_completeness} />
      </div>
      <Reasons
        unknown={unknown}
        under={["freshness", "stages", "recording_availability", "field_completeness", "crons"]}
        named={([first = "", ...others], parent) => {
          const items: { name: string }[] = parent === "crons" ? found.crons : parent === "stages" ? found.stages : [];
          return [items[Number(first)]?.name ?? first, ...others];
        }}
      />
    </>
  );
}

interface StageProps {
  stage: StageFigures;
  /** How much waited, over 24 hours; oldest first. */
  depths: (number | null)[];
  usual: UsualRate | null | undefined;
  whyNoUsual: Unknown | undefined;
  /** What fires about this stage, the worst first. */
  alerts: Issue[];
  path: string;
  most: number;
  unknown: NonNullable<Reasons>;
}

function StageBox({ stage, depths, usual, whyNoUsual, alerts, path, most, unknown }: StageProps) {
  const sticks = STICKING.filter((name) => (stage[name] ?? 0) > 0);
  const edge = alerts[0]?.level ?? (sticks.length ? "sticks" : "");
  const figure = (name: keyof StageFigures, show?: (value: number) => string) => (
    <Figure value={stage[name] as number | null} path={`${path}.${name}`} unknown={unknown} {...(show ? { show } : {})} />
  );
  return (
    <li class={`stage ${edge}`}>
      <div class="stage-head">
        <h3>{stage.name}</h3>
        <FiringLinks alerts={alerts} about={stage.name} />
      </div>
      <Flow
        count={stage.completed_last_hour}
        most={most}
        path={`${path}.completed_last_hour`}
        unknown={unknown}
        name="completed"
        link={linkTo(`stages/${stage.name}`, { state: "completed_last_hour" })}
      />
      <Facts
        rows={[
          [usual?.basis === "day_before" ? "a day before" : "usual for this hour", <Usual usual={usual} why={whyNoUsual} />],
          [
            "waiting",
            <>
              <Sparkline values={depths} name={`${stage.name}: waiting in the last 24 hours`} />
              <a href={linkTo(`stages/${stage.name}`, { state: "pending" })}>{figure("pending", formatCompact)}</a>
            </>,
          ],
          ["oldest", stage.oldest_pending_at ? <Age since={stage.oldest_pending_at} /> : figure("oldest_pending_at")],
          ["success rate, 1 h", figure("success_rate", formatShare)],
          [
            "p50 / p95, 1 h",
            <>
              {figure("p50_s", formatSeconds)} / {figure("p95_s", formatSeconds)}
            </>,
          ],
        ]}
      />
      {(sticks.length > 0 || (stage.dead ?? 0) > 0) && (
        <ul class="sticking" aria-label={`Stuck work in ${stage.name}`}>
          {sticks.map((name) => (
            <li key={name}>
              <a href={linkTo(`stages/${stage.name}`, { state: name })}>
                <Badge word="warning">
                  {formatCompact(stage[name] ?? 0)} {toWords(name)}
                </Badge>
              </a>
            </li>
          ))}
          {(stage.dead ?? 0) > 0 && (
            <li class="quiet">
              <a href={linkTo(`stages/${stage.name}`, { state: "dead" })}>{formatCompact(stage.dead ?? 0)} dead, 24 h</a>
            </li>
          )}
        </ul>
      )}
    </li>
  );
}

function Usual({ usual, why = NO_USUAL }: { usual: UsualRate | null | undefined; why: Unknown | undefined }) {
  if (!usual) return <UnknownFigure reason={why} />;
  const from = usual.basis === "day_before" ? "one day, fewer than three are recorded" : `median of ${usual.days} like days`;
  return <span title={from}>{formatCompact(Math.round(usual.per_hour))}</span>;
}

/** The alerts that fire about a part of the pipeline, as links to their incidents. */
function FiringLinks({ alerts, about }: { alerts: Issue[]; about: string }) {
  if (alerts.length === 0) return null;
  return (
    <ul class="sticking" aria-label={`Alerts about ${about}`}>
      {alerts.map((alert) => (
        <li key={alert.alert_id}>
          <a href={linkToIssue(alert)}>
            <Badge word={alert.level}>{alert.title}</Badge>
          </a>
        </li>
      ))}
    </ul>
  );
}

interface FlowProps {
  count: number | null;
  most: number;
  path: string;
  unknown: NonNullable<Reasons>;
  name: string;
  /** Where the items behind the count are listed. */
  link?: string;
}

/** Work of the last hour as a bar, relative to the stage that completed most. */
function Flow({ count, most, path, unknown, name, link }: FlowProps) {
  const width = count === null ? 0 : Math.max(count > 0 ? 1 : 0, (count / most) * 100);
  const words = <small>{name} in the last hour</small>;
  return (
    <div class="flow">
      <p>
        <Figure value={count} path={path} unknown={unknown} show={formatCompact} />{" "}
        {link && count ? <a href={link}>{words}</a> : words}
      </p>
      <svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
        <rect class="flow-ground" width="100" height="10" rx="1" />
        <rect class="flow-fill" width={width} height="10" rx="1" />
      </svg>
    </div>
  );
}
