/** Where an alert would go that somebody describes: by which route, and why not by an earlier one. */

import { useState } from "preact/hooks";
import { ApiError, request } from "../../lib/api/client";
import type { RouteDryRun, RulePage } from "../../lib/api/types";
import { formatSeconds } from "../../lib/format/numbers";
import { useSlow } from "../../lib/polling/use-live";
import { Time } from "../../ui/time";
import { readLabels } from "./words";

export type Outcome = { found: RouteDryRun } | { problem: string };

export function DryRun() {
  const rules = useSlow<RulePage>("/api/rules?limit=200");
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const given = new FormData(event.currentTarget as HTMLFormElement);
    setOutcome(await tryRoutes(given));
  };
  return (
    <>
      <form class="filters" onSubmit={submit}>
        <label class="filter">
          Rule
          <input name="rule" list="route-rules" required maxLength={100} autocomplete="off" />
        </label>
        <datalist id="route-rules">
          {(rules.data?.items ?? []).map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </datalist>
        <label class="filter grow">
          Labels
          <input name="labels" placeholder="stage=recordings, environment=production" maxLength={2000} autocomplete="off" />
        </label>
        <label class="filter">
          Begins (empty: now)
          <input type="datetime-local" name="at" />
        </label>
        <button type="submit" class="primary">
          Show
        </button>
      </form>
      <div role="status">{outcome && <Result outcome={outcome} />}</div>
    </>
  );
}

async function tryRoutes(given: FormData): Promise<Outcome> {
  const labels = readLabels(String(given.get("labels") ?? ""));
  if (labels === null) return { problem: "Write labels as name=value, with commas between them." };
  const at = String(given.get("at") ?? "");
  const asked = { rule_id: String(given.get("rule")).trim(), labels, ...(at ? { at: new Date(at).toISOString() } : {}) };
  try {
    return { found: await request<RouteDryRun>("/api/routes/dry-run", "POST", asked) };
  } catch (error) {
    return { problem: error instanceof ApiError ? error.message : String(error) };
  }
}

export function Result({ outcome }: { outcome: Outcome }) {
  if ("problem" in outcome) return <p class="problem">{outcome.problem}</p>;
  const { found } = outcome;
  return (
    <>
      <p>
        An alert of level {found.level} takes the route <b>{found.route}</b> to <b>{found.channels.join(", ") || "no channel"}</b>
        {found.is_fallback && ", the channels of its rule, as none of the route's is configured"}.
      </p>
      <ul class="plain">
        {found.channels_not_configured.length > 0 && (
          <li class="problem">Not configured: {found.channels_not_configured.join(", ")}</li>
        )}
        {found.passed.map(({ name, because }) => (
          <li key={name} class="quiet">
            Not by {name}: {because}
          </li>
        ))}
        {found.group && <li>One notification with others of {showLabels(found.group)}</li>}
        {found.wait_s > 0 && <li>Waits {formatSeconds(found.wait_s)} for further alerts</li>}
        <li>
          {found.repeat_s === null ? "Not repeated" : `Repeated every ${formatSeconds(found.repeat_s)} until somebody takes it`}
        </li>
        {found.escalation.map((step) => (
          <li key={step.after_s}>
            After {formatSeconds(step.after_s)} without anybody on it: {step.channels.join(", ")}
          </li>
        ))}
        {found.quiet_until && (
          <li>
            Held until <Time at={found.quiet_until} />: quiet hours
          </li>
        )}
        {found.next_digest_at && (
          <li>
            Part of the digest at <Time at={found.next_digest_at} />
          </li>
        )}
      </ul>
    </>
  );
}

function showLabels(labels: Record<string, string>): string {
  const found = Object.entries(labels).map(([name, value]) => `${name} ${value || "not set"}`);
  return found.join(", ") || "the whole route";
}
