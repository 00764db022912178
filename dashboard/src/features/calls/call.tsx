/** One call on its way through the stages; and a field to look one up by its id. */

import { useEffect, useRef } from "preact/hooks";
import type { Call, CallStep } from "../../lib/api/types";
import { toWords } from "../../lib/format/names";
import { formatUsd } from "../../lib/format/numbers";
import { formatElapsed } from "../../lib/format/times";
import { useLive } from "../../lib/polling/use-live";
import { linkTo } from "../../lib/route";
import { Badge } from "../../ui/badge";
import { Facts } from "../../ui/facts";
import { Figure, Reasons, Unknown } from "../../ui/figure";
import { Panel } from "../../ui/panel";
import { Empty, When } from "../../ui/state";
import { Time } from "../../ui/time";

const WORDS: Record<CallStep["state"], string> = {
  done: "ok",
  waiting: "pending",
  processing: "info",
  stuck: "critical",
  zombie: "critical",
  dead: "critical",
  missing: "warning",
  unknown: "unknown",
};

export function Calls() {
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  const open = (event: SubmitEvent) => {
    event.preventDefault();
    const id = String(new FormData(event.currentTarget as HTMLFormElement).get("id") ?? "").trim();
    if (id) location.hash = linkTo(`calls/${encodeURIComponent(id)}`);
  };
  return (
    <Panel title="Find a call">
      <form onSubmit={open}>
        <label class="filter grow">
          The call's id, or its id at the source
          <input type="search" name="id" maxLength={200} required ref={field} />
        </label>
        <button type="submit" class="primary">
          Show the call
        </button>
      </form>
    </Panel>
  );
}

export function CallView({ id }: { id: string }) {
  const live = useLive<Call>(`/api/calls/${encodeURIComponent(id)}`);
  return (
    <div class="stack">
      <p class="back">
        <a href={linkTo("calls")}>← Calls</a>
      </p>
      <When live={live}>
        {(call) => (
          <>
            <Panel title={`Call ${call.id ?? id}`}>
              <Facts
                rows={[
                  ["began", call.began_at ? <Time at={call.began_at} /> : <Unknown reason={call.unknown.began_at} />],
                  ["cost", <Figure value={call.cost} path="cost" unknown={call.unknown} show={formatUsd} />],
                ]}
              />
              <Reasons unknown={call.unknown} under={["cost", "began_at", "events", "errors"]} />
            </Panel>
            <Panel title="Stages">
              <ol class="timeline">
                {call.steps.map((step) => (
                  <Step key={step.stage} step={step} />
                ))}
              </ol>
            </Panel>
            <Panel title="Events">
              {(call.events ?? []).length === 0 && <Empty>No events.</Empty>}
              <ul class="following">
                {(call.events ?? []).map((event, index) => (
                  <li key={`${event.at} ${index}`}>
                    {event.at && <Time at={event.at} />} {toWords(event.type)}
                  </li>
                ))}
              </ul>
            </Panel>
            <Panel title="Errors">
              {(call.errors ?? []).length === 0 && <Empty>No error names this call.</Empty>}
              <ul class="following">
                {(call.errors ?? []).map((error) => (
                  <li key={error.event_id}>
                    <Badge word={error.severity} /> <a href={linkTo(`errors/${error.id}`)}>{error.type ?? error.category}</a>{" "}
                    <Time at={error.at} />
                  </li>
                ))}
              </ul>
            </Panel>
          </>
        )}
      </When>
    </div>
  );
}

function Step({ step }: { step: CallStep }) {
  return (
    <li>
      <Badge word={WORDS[step.state]}>{step.state}</Badge> <b>{step.stage}</b>{" "}
      {step.began_at && (
        <span class="quiet">
          <Time at={step.began_at} />
          {step.ended_at && ` took ${formatElapsed(step.began_at, Date.parse(step.ended_at))}`}
        </span>
      )}
      {step.attempts !== null && step.attempts > 1 && <span class="quiet"> {step.attempts} attempts</span>}
      {step.reason && <p class="quiet">{step.reason}</p>}
    </li>
  );
}
