/** Silences: what is muted, by whom, why and until when. */

import { request } from "../../lib/api/client";
import type { Silence, SilencePage } from "../../lib/api/types";
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
        <p>{silence.reason}</p>
        <p class="quiet">
          by <bdi>{silence.actor}</bdi>, <Time at={silence.created_at} /> until <Time at={silence.ends_at} />
        </p>
      </div>
      {mayEnd && (
        <div class="buttons">
          <Action label="End now" title={`End the silence of ${describeMatchers(silence)}`} needsReason={false} act={end} />
        </div>
      )}
    </li>
  );
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
    </>
  );
  const act = (reason: string, form: FormData) => {
    const matchers = Object.fromEntries(
      ["rule_id", "service"].map((name) => [name, String(form.get(name) ?? "").trim()]).filter(([, value]) => value),
    );
    return request("/api/silences", "POST", { matchers, reason, ends_at: computeEnd(form) });
  };
  return <Action label="New silence" title="Silence a rule, a service, or both" confirm="Silence" fields={fields} act={act} />;
}
