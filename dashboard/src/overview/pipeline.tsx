/** The pipeline as a funnel: what arrives, what each stage has done, and where it sticks. */

import type { Cron, Pipeline as PipelineAnswer, StageFigures } from "../api-types";
import { compact, seconds, share, words } from "../format";
import { useLive } from "../poll";
import { Age, Badge, Facts, Figure, Panel, Reasons } from "../ui/basics";
import { When } from "../ui/state";

// Shares of calls that have a field.
const COMPLETE = 0.995;
const MOSTLY = 0.5;
/** What sticks; dead letters happen on good days, too: they are shown, and colour nothing. */
const STICKING = ["stuck", "zombie", "orphan", "false_success"] as const;

export function Pipeline() {
  const live = useLive<PipelineAnswer>("/api/pipeline");
  return (
    <Panel title="Pipeline" kind="wide">
      <When live={live}>{(found) => <Funnel found={found} />}</When>
    </Panel>
  );
}

function Funnel({ found }: { found: PipelineAnswer }) {
  const { freshness, unknown } = found;
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
          />
          <Facts
            rows={[
              [
                "expected",
                <Figure
                  value={freshness.expected_per_hour}
                  path="freshness.expected_per_hour"
                  unknown={unknown}
                  show={compact}
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
                <Figure value={found.recording_availability} path="recording_availability" unknown={unknown} show={share} />,
              ],
            ]}
          />
        </li>
        {found.stages.map((stage, index) => (
          <StageBox key={stage.name} stage={stage} path={`stages.${index}`} most={most} unknown={unknown} />
        ))}
      </ol>
      <div class="columns">
        <Crons crons={found.crons} />
        <Completeness fields={found.field_completeness} />
      </div>
      <Reasons
        unknown={unknown}
        under={["freshness", "stages", "recording_availability", "field_completeness", "crons"]}
        named={(rest, parent) =>
          rest.replace(/^\d+/, (index) => (parent === "crons" ? found.crons : found.stages)[Number(index)]?.name ?? index)
        }
      />
    </>
  );
}

interface StageProps {
  stage: StageFigures;
  path: string;
  most: number;
  unknown: Record<string, string>;
}

function StageBox({ stage, path, most, unknown }: StageProps) {
  const sticks = STICKING.filter((name) => (stage[name] ?? 0) > 0);
  const figure = (name: keyof StageFigures, show?: (value: number) => string) => (
    <Figure value={stage[name] as number | null} path={`${path}.${name}`} unknown={unknown} {...(show ? { show } : {})} />
  );
  return (
    <li class={sticks.length ? "stage sticks" : "stage"}>
      <h3>{stage.name}</h3>
      <Flow count={stage.completed_last_hour} most={most} path={`${path}.completed_last_hour`} unknown={unknown} name="done" />
      <Facts
        rows={[
          ["waiting", figure("pending", compact)],
          ["oldest", stage.oldest_pending_at ? <Age since={stage.oldest_pending_at} /> : figure("oldest_pending_at")],
          ["success", figure("success_rate", share)],
          [
            "p50 / p95",
            <>
              {figure("p50_s", seconds)} / {figure("p95_s", seconds)}
            </>,
          ],
        ]}
      />
      {(sticks.length > 0 || (stage.dead ?? 0) > 0) && (
        <ul class="sticking" aria-label={`Where ${stage.name} sticks`}>
          {sticks.map((name) => (
            <li key={name}>
              <Badge word="warning">
                {compact(stage[name] ?? 0)} {words(name)}
              </Badge>
            </li>
          ))}
          {(stage.dead ?? 0) > 0 && <li class="quiet">{compact(stage.dead ?? 0)} given up, 24 h</li>}
        </ul>
      )}
    </li>
  );
}

interface FlowProps {
  count: number | null;
  most: number;
  path: string;
  unknown: Record<string, string>;
  name: string;
}

/** Work of the last hour as a bar against the stage that did most. */
function Flow({ count, most, path, unknown, name }: FlowProps) {
  const width = count === null ? 0 : Math.max(count > 0 ? 1 : 0, (count / most) * 100);
  return (
    <div class="flow">
      <p>
        <Figure value={count} path={path} unknown={unknown} show={compact} /> <small>{name} in the last hour</small>
      </p>
      <svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
        <rect class="flow-ground" width="100" height="10" rx="1" />
        <rect class="flow-fill" width={width} height="10" rx="1" />
      </svg>
    </div>
  );
}

/** Key fields that recent calls lack; those that all have need no words. */
function Completeness({ fields }: { fields: Record<string, number | null> | null }) {
  const known = Object.entries(fields ?? {}).filter((field): field is [string, number] => field[1] !== null);
  if (known.length === 0) return null;
  const missing = Object.keys(fields ?? {}).length - known.length;
  const lacking = known.filter(([, share]) => share < COMPLETE).sort((a, b) => a[1] - b[1]);
  if (lacking.length === 0 && missing > 0) {
    return (
      <p>
        <Badge word="unknown">
          {known.length} key fields are filled in, {missing} unknown
        </Badge>
      </p>
    );
  }
  if (lacking.length === 0) {
    return (
      <p class="calm">
        <span aria-hidden="true">✓ </span>All {known.length} key fields are filled in.
      </p>
    );
  }
  return (
    <ul class="sticking" aria-label="Key fields that recent calls lack">
      {lacking.map(([name, filled]) => (
        <li key={name}>
          <Badge word={filled < MOSTLY ? "warning" : "info"}>
            {words(name)} {share(filled)} filled in
          </Badge>
        </li>
      ))}
    </ul>
  );
}

function Crons({ crons }: { crons: Cron[] }) {
  if (crons.length === 0) return null;
  const late = crons.filter((cron) => cron.is_late);
  const unknown = crons.filter((cron) => cron.is_late === null).length;
  if (late.length + unknown === 0) {
    return (
      <p class="calm">
        <span aria-hidden="true">✓ </span>All {crons.length} crons are on time.
      </p>
    );
  }
  return (
    <ul class="sticking" aria-label="Crons that are not on time">
      {late.map((cron) => (
        <li key={cron.name}>
          <Badge word="warning">
            {cron.name}{" "}
            {cron.last_ok_at ? (
              <>
                last ran <Age since={cron.last_ok_at} /> ago, every {seconds(cron.period_s)}
              </>
            ) : (
              "is late"
            )}
          </Badge>
        </li>
      ))}
      {unknown > 0 && (
        <li>
          <Badge word="unknown">
            {unknown === crons.length ? `all ${unknown} crons: unknown` : `${unknown} more crons: unknown`}
          </Badge>
        </li>
      )}
    </ul>
  );
}
