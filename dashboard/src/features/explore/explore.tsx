/** One route, service or stage over a range, next to a day or a week before. The address says which, so it can be shared. */

import { COMPARED } from "../../charts/compare";
import { Charts } from "../../charts/panel";
import type { Health, RulePage, SystemMetrics } from "../../lib/api/types";
import { nameService, toWords } from "../../lib/format/names";
import { useOverview } from "../../lib/overview";
import { useSlow } from "../../lib/polling/use-live";
import { getRange, RANGE_WORDS, RANGES, setParams, useRoute } from "../../lib/route";
import { Panel } from "../../ui/panel";
import { Empty } from "../../ui/state";
import { concerns, KIND_WORDS, type Kind, listWanted, METRIC_OF, readSubject, type Subject } from "./subject";

export function Explore() {
  const route = useRoute();
  const subject = readSubject(route.params);
  const rules = useSlow<RulePage>("/api/rules?limit=200");
  const isNamed = subject.kind === "all" || subject.name !== "";
  return (
    <div class="stack">
      <Panel title={nameSubject(subject)} kind="wide">
        <SubjectChoice subject={subject} />
        <div class="filters">
          <Buttons
            label="Range"
            name="range"
            value={getRange(route)}
            choices={RANGES.map((range) => [range, RANGE_WORDS[range]])}
          />
          <Buttons
            label="Compare with"
            name="before"
            value={route.params.get("before") ?? ""}
            choices={[
              ["", "nothing"],
              ...Object.entries(COMPARED).map(([before, { words }]): [string, string] => [before, words]),
            ]}
          />
        </div>
        {rules.error && !rules.data && <p class="problem">? thresholds unknown: {rules.error.message}</p>}
        {isNamed ? (
          <Charts
            key={`${subject.kind} ${subject.name}`}
            metric={METRIC_OF[subject.kind]}
            {...(subject.kind === "route" ? { route: subject.name } : {})}
            concerns={concerns(subject)}
            wanted={listWanted(subject, rules.data?.items ?? [])}
          />
        ) : (
          <Empty>Choose {KIND_WORDS[subject.kind].toLowerCase()}.</Empty>
        )}
      </Panel>
    </div>
  );
}

function nameSubject({ kind, name }: Subject): string {
  if (kind === "all" || !name) return "Explore";
  if (kind === "service") return nameService(name);
  return kind === "stage" ? toWords(name) : name;
}

function SubjectChoice({ subject: { kind, name } }: { subject: Subject }) {
  return (
    <div class="filters">
      <label class="filter">
        What
        <select value={kind} onChange={(event) => setParams({ kind: event.currentTarget.value, name: "" })}>
          {Object.entries(KIND_WORDS).map(([value, words]) => (
            <option key={value} value={value}>
              {words}
            </option>
          ))}
        </select>
      </label>
      {kind !== "all" && <NameField key={kind} kind={kind} name={name} />}
    </div>
  );
}

/** A field that suggests the names that are known now, and takes any: a route may have had no request lately. */
function NameField({ kind, name }: { kind: Kind; name: string }) {
  const names = useNames(kind);
  return (
    <label class="filter grow">
      Name
      <input
        list="names"
        maxLength={300}
        value={name}
        autocomplete="off"
        onChange={(event) => setParams({ name: event.currentTarget.value.trim() })}
      />
      <datalist id="names">
        {names.map((one) => (
          <option key={one} value={one} />
        ))}
      </datalist>
    </label>
  );
}

function useNames(kind: Kind): string[] {
  const system = useSlow<SystemMetrics>("/api/metrics/system");
  const health = useSlow<Health>("/api/health");
  const overview = useOverview();
  if (kind === "route") return system.data?.api.by_route?.map(({ route }) => route) ?? [];
  if (kind === "service") return Object.keys(health.data?.services ?? {});
  return overview.data?.pipeline?.stages?.map((stage) => stage.name) ?? [];
}

interface ButtonsProps {
  label: string;
  name: string;
  value: string;
  choices: [value: string, words: string][];
}

/** One parameter of the address as a row of buttons: each choice is one click. */
function Buttons({ label, name, value, choices }: ButtonsProps) {
  return (
    <fieldset class="choices">
      <legend>{label}</legend>
      {choices.map(([choice, words]) => (
        <button type="button" key={choice} aria-pressed={choice === value} onClick={() => setParams({ [name]: choice })}>
          {words}
        </button>
      ))}
    </fieldset>
  );
}
