/** Silences: what is muted, by whom, why and until when. */

import { request } from "../../lib/api/client";
import type { Silence, SilencePage } from "../../lib/api/types";
import { formatSeconds } from "../../lib/format/numbers";
import { useLive } from "../../lib/polling/use-live";
import { now } from "../../lib/time/now";
import { Action } from "../../ui/dialog";
import { computeEnd, Duration } from "../../ui/duration";
import { Panel } from "../../ui/panel";
import { Empty, When } from "../../ui/state";
import { Time } from "../../ui/time";
import { useMayAct } from "../../ui/use-may-act";

export function Silences() {
  const live = useLive<SilencePage>("/api/silences?limit=200");
  const mayAct = useMayAct();
  return (
    <Panel title="Silences" kind="wide" aside={mayAct && <NewSilence />}>
      <When live={live}>
        {(page) => {
          const live = page.items.filter((silence) => Date.parse(silence.ends_at) > now());
          const over = page.items.filter((silence) => !live.includes(silence));
          return (
            <>
              {live.length === 0 && <Empty>No active silences.</Empty>}
              <ul class="rules">
                {live.map((silence) => (
                  <Row key={silence.id} silence={silence} mayEnd={mayAct} />
                ))}
              </ul>
              {over.length > 0 && (
                <details>
                  <summary>{over.length} ended</summary>
                  <ul class="rules">
                    {over.map((silence) => (
                      <Row key={silence.id} silence={silence} mayEnd={false} />
                    ))}
                  </ul>
                </details>
              )}
            </>
          );
        }}
      </When>
    </Panel>
  );
}

function Row({ silence, mayEnd }: { silence: Silence; mayEnd: boolean }) {
  const end = () => request(`/api/silences/${encodeURIComponent(silence.id)}`, "DELETE");
  return (
    <li class="rule">
      <div class="alert-text">
        <b>{describeMatchers(silence)}</b>
        {silence.is_maintenance && <span class="quiet"> maintenance</span>}
        <p>{silence.reason}</p>
        <p class="quiet">
          by <bdi>{silence.actor}</bdi>, <Time at={silence.created_at} /> until <Time at={silence.ends_at} />
          {silence.recurs && `; ${describeWindow(silence.recurs)}`}
          {silence.next_starts_at && (
            <>
              ; mutes again from <Time at={silence.next_starts_at} />
            </>
          )}
        </p>
        {mayEnd && <p class="quiet">{describeMuted(silence)}</p>}
      </div>
      {mayEnd && (
        <div class="buttons">
          <Action label="End now" title={`End the silence of ${describeMatchers(silence)}`} needsReason={false} act={end} />
        </div>
      )}
    </li>
  );
}

export function describeWindow({ days, start, duration_s, timezone }: NonNullable<Silence["recurs"]>): string {
  return `${days.join(", ")} from ${start} for ${formatSeconds(duration_s)} (${timezone})`;
}

/** What it mutes at this moment. */
export function describeMuted({ is_muting, mutes, mutes_count }: Silence): string {
  if (!is_muting) return "mutes nothing now";
  if (mutes_count === 0) return "mutes no firing alert now";
  const named = mutes.slice(0, 5).map(({ title }) => title);
  return `mutes now: ${named.join(", ")}${mutes_count > named.length ? ` and ${mutes_count - named.length} more` : ""}`;
}

function describeMatchers({ matchers }: Silence): string {
  const labels = Object.entries(matchers.labels ?? {}).map(([name, value]) => `${name} ${value || "none"}`);
  const tests = Object.entries(matchers.label_tests ?? {}).map(([name, { op, value }]) => `${name} ${op} ${value || "none"}`);
  return [matchers.rule_id && `rule ${matchers.rule_id}`, matchers.service && `service ${matchers.service}`, ...labels, ...tests]
    .filter(Boolean)
    .join(", ");
}

function NewSilence() {
  const fields = (
    <>
      <label>
        Rule
        <input name="rule_id" maxLength={200} />
      </label>
      <label>
        Service
        <input name="service" maxLength={200} />
      </label>
      <Duration />
      <label>
        <input type="checkbox" name="is_maintenance" /> Maintenance: the service is neither up nor down meanwhile
      </label>
    </>
  );
  const act = (reason: string, form: FormData) => {
    const matchers = Object.fromEntries(
      ["rule_id", "service"].map((name) => [name, String(form.get(name) ?? "").trim()]).filter(([, value]) => value),
    );
    const is_maintenance = form.get("is_maintenance") === "on";
    return request("/api/silences", "POST", { matchers, reason, ends_at: computeEnd(form), is_maintenance });
  };
  return <Action label="New silence" title="Silence a rule, a service, or both" confirm="Silence" fields={fields} act={act} />;
}
