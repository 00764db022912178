/** One route, service or stage over a range, next to a day or a week before. The address says which, so it can be shared. */

import { useMemo, useState } from "preact/hooks";
import { COMPARED } from "../../charts/compare";
import { Charts } from "../../charts/panel";
import type { Health, RulePage, SystemMetrics } from "../../lib/api/types";
import { nameService, toWords } from "../../lib/format/names";
import { useOverview } from "../../lib/overview";
import { useSlow } from "../../lib/polling/use-live";
import { getSpan, setParams, useRoute } from "../../lib/route";
import { now } from "../../lib/time/now";
import { Panel } from "../../ui/panel";
import { Empty } from "../../ui/state";
import { Buttons } from "./buttons";
import { getPart, RangeChoice, Times } from "./span";
import { concerns, KIND_WORDS, type Kind, listWanted, METRIC_OF, readSubject, type Subject } from "./subject";
import { makeZoom, showPart } from "./zoom";

export function Explore() {
  const route = useRoute();
  const subject = readSubject(route.params);
  const rules = useSlow<RulePage>("/api/rules?limit=200");
  const [selected, tell] = useState("");
  const zoom = useMemo(() => makeZoom((part) => showPart(part, now() / 1000), tell), []);
  const isNamed = subject.kind === "all" || subject.name !== "";
  return (
    <div class="stack">
      <Panel title={nameSubject(subject)} kind="wide">
        <div class="filters">
          <SubjectChoice subject={subject} />
          <Times key={route.params.toString()} part={getPart(route)} />
        </div>
        <div class="filters">
          <RangeChoice route={route} />
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
        <p class="quiet pointing">Drag in a chart to zoom. By keys: Shift with an arrow selects, Enter shows it, + and − zoom.</p>
        <p class="quiet" role="status">
          {selected}
        </p>
        {isNamed ? (
          <Charts
            key={`${subject.kind} ${subject.name}`}
            metric={METRIC_OF[subject.kind]}
            {...(subject.kind === "route" ? { route: subject.name } : {})}
            concerns={concerns(subject, rules.data?.items)}
            wanted={listWanted(subject, rules.data?.items ?? [])}
            chosen={getSpan(route)}
            zoom={zoom}
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
    <>
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
    </>
  );
}

/** A field that suggests the names that are known now, and takes any: a route may have had no request lately. */
function NameField({ kind, name }: { kind: Kind; name: string }) {
  const names = useNames(kind);
  return (
    <>
      <label class="filter grow">
        Name
        <input
          list="names"
          maxLength={300}
          value={name}
          autocomplete="off"
          onChange={(event) => setParams({ name: event.currentTarget.value.trim() })}
        />
      </label>
      <datalist id="names">
        {names.map((one) => (
          <option key={one} value={one} />
        ))}
      </datalist>
    </>
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
