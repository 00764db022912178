/** The range of the explore view: a choice of lengths up to now, or any two times, with the ranges next to it. */

import { useState } from "preact/hooks";
import { getRange, getSpan, RANGE_WORDS, RANGES, type Route, type Span, setParams } from "../../lib/route";
import { now } from "../../lib/time/now";
import { Buttons } from "./buttons";
import { movePart, type Part, readPart, scalePart, showPart } from "./zoom";

const LENGTH_S = { "1h": 3600, "6h": 6 * 3600, "24h": 86_400, "7d": 7 * 86_400, "30d": 30 * 86_400 };

/** The times that are shown, in s. */
export function getPart(route: Route): Part {
  const span = getSpan(route);
  if (span) return readPart(span);
  const to = now() / 1000;
  return { from: to - LENGTH_S[getRange(route)], to };
}

export function RangeChoice({ route }: { route: Route }) {
  const span = getSpan(route);
  const show = (change: (part: Part) => Part) => showPart(change(getPart(route)), now() / 1000);
  return (
    <>
      <Buttons
        label="Range up to now"
        name="range"
        value={span ? "" : getRange(route)}
        choices={RANGES.map((range) => [range, RANGE_WORDS[range]])}
        others={{ from: "", to: "" }}
      />
      <fieldset class="choices">
        <legend>Move</legend>
        <button type="button" onClick={() => show((part) => movePart(part, -1))}>
          ◂ Earlier
        </button>
        <button type="button" disabled={!span} onClick={() => show((part) => movePart(part, 1))}>
          Later ▸
        </button>
        <button type="button" onClick={() => show((part) => scalePart(part, 2))}>
          Zoom out
        </button>
      </fieldset>
    </>
  );
}

/** Both times as a form; what cannot be shown says why instead. */
export function Times({ part }: { part: Part }) {
  const [problem, setProblem] = useState("");
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const given = new FormData(event.currentTarget as HTMLFormElement);
    const found = readTimes(String(given.get("from")), String(given.get("to")), now());
    if (typeof found === "string") setProblem(found);
    else setParams({ ...found });
  };
  return (
    <form class="span" onSubmit={submit}>
      <TimeField label="From" name="from" at={part.from} />
      <TimeField label="To" name="to" at={part.to} />
      <button type="submit">Show</button>
      {problem && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
    </form>
  );
}

function TimeField({ label, name, at }: { label: string; name: string; at: number }) {
  return (
    <label class="filter">
      {label}
      <input type="datetime-local" name={name} required defaultValue={toFieldValue(at)} />
    </label>
  );
}

/** A time in s as the field of a form takes it: in the reader's time zone, without a zone. */
export function toFieldValue(at: number): string {
  const local = at * 1000 - new Date(at * 1000).getTimezoneOffset() * 60_000;
  return new Date(local).toISOString().slice(0, 16);
}

/** The range between two fields, or what is wrong with them. */
export function readTimes(from: string, to: string, nowMs: number): Span | string {
  const [begin, end] = [Date.parse(from), Math.min(Date.parse(to), nowMs)];
  if (Number.isNaN(begin) || Number.isNaN(end)) return "Give both times.";
  if (begin >= nowMs) return "From must be in the past.";
  if (begin >= end) return "From must be before To.";
  if (end - begin > 90 * 86_400_000) return "Choose at most 90 days at once.";
  return { from: new Date(begin).toISOString(), to: new Date(end).toISOString() };
}
