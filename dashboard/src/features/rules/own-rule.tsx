/** Rules that people make: a form to add or change one, and what the rule would have done in the last 24 hours. */

import { useState } from "preact/hooks";
import { ApiError, request } from "../../lib/api/client";
import type { DryRun, Rule, RuleDefinition } from "../../lib/api/types";
import { formatNumber } from "../../lib/format/numbers";
import { LEVELS } from "../../lib/levels";
import { Choice } from "../../ui/choice";
import { Action } from "../../ui/dialog";
import { Time } from "../../ui/time";

const COMPARISONS = [">", ">=", "<", "<=", "==", "!="];
const HOURS = 24;
const FIRST_FIRED = 5;

export function AddRule({ rules }: { rules: Rule[] }) {
  const add = (reason: string, form: FormData) => request("/api/rules", "POST", { ...readRule(form), ...say(reason) });
  return (
    <Action
      label="Add a rule"
      title="A rule of your own"
      confirm="Add"
      {...OPTIONAL}
      fields={<Fields rules={rules} />}
      act={add}
    />
  );
}

export function ChangeRule({ rule, rules }: { rule: Rule; rules: Rule[] }) {
  const definition = rule.definition as RuleDefinition | undefined;
  if (!definition) return null;
  const path = `/api/rules/${encodeURIComponent(rule.id)}`;
  const change = (reason: string, form: FormData) => request(path, "PUT", { ...readRule(form, definition), ...say(reason) });
  return (
    <>
      <Action
        label="Change"
        title={`Change: ${rule.name}`}
        {...OPTIONAL}
        fields={<Fields rules={rules} definition={definition} />}
        act={change}
      />
      <Action label="Delete" title={`Delete: ${rule.name}`} needsReason={false} act={() => request(path, "DELETE")} />
    </>
  );
}

const OPTIONAL = { usualReason: "no reason given" };
const say = (reason: string) => ({ reason });

/** The rule that a form describes; what the form does not have stays as it was. */
export function readRule(form: FormData, before?: RuleDefinition): RuleDefinition {
  const read = (name: string) => String(form.get(name) ?? "").trim();
  const name = read("name");
  return {
    ...before,
    id: before?.id ?? nameId(name),
    name,
    level: read("level") as RuleDefinition["level"],
    metric: read("metric"),
    comparison: read("comparison") as RuleDefinition["comparison"],
    threshold: Number(read("threshold")),
    for_s: Number(read("minutes")) * 60,
  };
}

/** An id of letters, digits and underscores that a name suggests. */
export function nameId(name: string): string {
  const words =
    name
      .normalize("NFKD")
      .toLowerCase()
      .match(/[a-z0-9]+/g) ?? [];
  return words.join("_").slice(0, 100) || "own_rule";
}

function Fields({ rules, definition }: { rules: Rule[]; definition?: RuleDefinition }) {
  const metrics = [...new Set(rules.map(({ metric }) => metric))].sort();
  return (
    <>
      <label>
        Name
        <input name="name" required maxLength={200} defaultValue={definition?.name ?? ""} autofocus />
      </label>
      <div class="columns">
        <label>
          Metric
          <input name="metric" required list="metrics" defaultValue={definition?.metric ?? ""} />
          <datalist id="metrics">
            {metrics.map((metric) => (
              <option key={metric} value={metric} />
            ))}
          </datalist>
        </label>
        <Choice label="Level" name="level" choices={LEVELS} chosen={definition?.level ?? "warning"} />
      </div>
      <div class="three">
        <Choice label="Is" name="comparison" choices={COMPARISONS} chosen={definition?.comparison ?? ">"} />
        <label>
          Threshold
          <input name="threshold" type="number" step="any" required defaultValue={definition?.threshold ?? ""} />
        </label>
        <label>
          For minutes
          <input name="minutes" type="number" min="0" step="any" required defaultValue={(definition?.for_s ?? 0) / 60} />
        </label>
      </div>
      <TryIt {...(definition ? { before: definition } : {})} />
    </>
  );
}

/** What the rule would have done on the samples of the last 24 hours. */
function TryIt({ before }: { before?: RuleDefinition }) {
  const [said, say] = useState<DryRun | string | null>(null);
  const attempt = async (event: MouseEvent) => {
    const form = (event.currentTarget as HTMLElement).closest("form");
    if (!form?.reportValidity()) return;
    say("…");
    try {
      const rule = readRule(new FormData(form), before);
      say(await request<DryRun>("/api/rules/dry-run", "POST", { rule, hours: HOURS }));
    } catch (error) {
      say(error instanceof ApiError ? error.message : String(error));
    }
  };
  return (
    <div>
      <button type="button" onClick={(event) => void attempt(event)}>
        Try it on the last 24 hours
      </button>
      <div role="status">{typeof said === "string" ? <p class="problem">{said}</p> : said && <Tried found={said} />}</div>
    </div>
  );
}

export function Tried({ found }: { found: DryRun }) {
  const { fired, fired_count, firing_minutes, known_minutes, unknown_minutes, fires_when } = found;
  return (
    <>
      <p>
        <strong>
          {known_minutes === 0
            ? "Nothing is known of this metric in that time."
            : `Would have fired ${formatNumber(fired_count)} ${fired_count === 1 ? "time" : "times"}`}
        </strong>
        {fired_count > 0 && `, for ${formatNumber(firing_minutes)} min in all`}
      </p>
      <p class="quiet">
        It fires when {fires_when}. Known: {formatNumber(known_minutes)} min
        {unknown_minutes > 0 && `; unknown: ${formatNumber(unknown_minutes)} min, in which it could not fire`}.
      </p>
      <ul class="following">
        {fired.slice(0, FIRST_FIRED).map((one) => (
          <li key={one.fired_at + JSON.stringify(one.labels)}>
            <Time at={one.fired_at} /> {Object.values(one.labels).join(", ")}{" "}
            <span class="quiet">{one.resolved_at ? <>until {<Time at={one.resolved_at} />}</> : "still"}</span>
          </li>
        ))}
      </ul>
    </>
  );
}
