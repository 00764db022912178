/** Silences: what is muted, by whom, why, until when. */

import type { Silence, SilencePage } from "../api-types";
import { ask } from "../api";
import { now } from "../now";
import { useLive } from "../poll";
import { Action } from "../ui/dialog";
import { Panel, Time } from "../ui/basics";
import { useMayAct } from "../ui/caller";
import { Duration, endOf } from "../ui/duration";
import { Empty, When } from "../ui/state";

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
              {live.length === 0 && <Empty>Nothing is silenced.</Empty>}
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
  const end = () => ask(`/api/silences/${encodeURIComponent(silence.id)}`, "DELETE");
  return (
    <li class="rule">
      <div class="alert-text">
        <b>{matched(silence)}</b>
        <p>{silence.reason}</p>
        <p class="quiet">
          by <bdi>{silence.actor}</bdi>, <Time at={silence.created_at} /> until <Time at={silence.ends_at} />
        </p>
      </div>
      {mayEnd && (
        <div class="buttons">
          <Action label="End now" title={`End the silence of ${matched(silence)}`} needsReason={false} act={end} />
        </div>
      )}
    </li>
  );
}

function matched({ matchers }: Silence): string {
  const labels = Object.entries(matchers.labels ?? {}).map(([name, value]) => `${name} ${value || "none"}`);
  return [matchers.rule_id && `rule ${matchers.rule_id}`, matchers.service && `service ${matchers.service}`, ...labels]
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
    return ask("/api/silences", "POST", { matchers, reason, ends_at: endOf(form) });
  };
  return <Action label="New silence" title="Silence a rule, a service, or both" confirm="Silence" fields={fields} act={act} />;
}
