/** One line in every view: the state, since when, its cause and impact, who is on it, and what to do. */

import type { Incident, Overview } from "../../lib/api/types";
import { formatElapsed, formatLocalTime, formatUtcTime } from "../../lib/format/times";
import { countSerious, listImpact, sortIncidents } from "../../lib/incidents";
import { type Live, usePolling } from "../../lib/polling/use-live";
import { linkTo } from "../../lib/route";
import { useNow } from "../../lib/time/use-now";
import { Badge } from "../../ui/badge";
import { Age } from "../../ui/time";
import { useMayAct } from "../../ui/use-may-act";
import { TakeIncident } from "../incidents/actions";
import { useMark } from "./mark";
import { judgeState, type OverallState } from "./overall-state";

export function Strip({ live, view }: { live: Live<Overview>; view: string }) {
  const now = useNow(1_000);
  const overview = live.data;
  const state = overview ? judgeState(overview, live, now) : null;
  const serious = sortIncidents(overview?.incidents ?? []).filter(({ level }) => level !== "info");
  const count = overview ? countSerious(overview) : 0;
  useMark(state, overview?.status === "operational" ? 0 : count, view === "Overview" ? "" : view);
  if (!overview || !state) return <Waiting problem={live.error?.message} />;
  const worst = overview.status === "operational" ? undefined : serious[0];
  return (
    <section class={`strip ${state.word}`} aria-label="Overall state">
      <Badge word={state.word}>{state.shown}</Badge>
      <p>
        <Sentence overview={overview} live={live} state={state} worst={worst} others={count - 1} />
        {state.reasons.length > 0 && (state.word === "unknown" || state.word === "operational") && <Reasons state={state} />}
        {overview.monitor?.not_evaluated_since && <NotEvaluated since={overview.monitor.not_evaluated_since} />}
      </p>
      <DataAge />
      {worst && <Duty incident={worst} />}
    </section>
  );
}

function Waiting({ problem }: { problem: string | undefined }) {
  return (
    <section class="strip unknown" aria-label="Overall state">
      <Badge word="unknown">{problem ? "unknown" : "…"}</Badge>
      <p>{problem ? <strong>The state is unknown: {problem}.</strong> : "The state is being read …"}</p>
    </section>
  );
}

interface SentenceProps {
  overview: Overview;
  live: Live<Overview>;
  state: OverallState;
  worst: Incident | undefined;
  others: number;
}

function Sentence({ overview, live, state, worst, others }: SentenceProps) {
  const old = state.isOld && (
    <span>
      {" "}
      {overview.status === "operational" ? "It was operational" : "This was the state"} <Age since={live.at} /> ago.
    </span>
  );
  if (state.isOld && overview.status === "operational") {
    return (
      <>
        <strong>The current state is unknown.</strong>
        {old}
      </>
    );
  }
  return (
    <>
      {worst ? (
        <Cause incident={worst} others={others} />
      ) : overview.status === "operational" ? (
        <Clear overview={overview} isKnown={state.word === "operational"} />
      ) : (
        <Symptoms overview={overview} />
      )}
      {old}
    </>
  );
}

/** The worst incident in its own words. */
function Cause({ incident, others }: { incident: Incident; others: number }) {
  return (
    <>
      <a href={linkTo(`incidents/${incident.id}`)}>
        <strong>{incident.sentence}</strong>
      </a>{" "}
      <span class="quiet">
        for <Age since={incident.started_at} />
        {listImpact(incident).map((part) => ` · ${part}`)}
      </span>
      {others > 0 && (
        <>
          {" "}
          <a href={linkTo("incidents")}>
            and {others} more {others === 1 ? "incident" : "incidents"}
          </a>
        </>
      )}
    </>
  );
}

/** While incidents are not known: what fires, the oldest first. */
function Symptoms({ overview: { status, issues } }: { overview: Overview }) {
  if (status === null || issues === null) return <strong>What is wrong is unknown.</strong>;
  const type = status === "outage" ? "error" : "warning";
  const found = issues.filter((issue) => issue.type === type).sort((a, b) => a.since.localeCompare(b.since));
  const since = found[0]?.since;
  const names = [...new Set(found.map((issue) => issue.title))];
  return (
    <>
      <strong>{names.slice(0, 3).join(", ") || "Something is wrong"}</strong>
      {names.length > 3 && ` and ${names.length - 3} more`}
      {since && (
        <span class="quiet">
          {" "}
          for <Age since={since} />
        </span>
      )}
    </>
  );
}

/** isKnown: false while some figures are unknown, which is no all-clear. */
function Clear({ overview: { last_incident_ended_at: ended, issues }, isKnown }: { overview: Overview; isKnown: boolean }) {
  const infos = issues?.length ?? 0;
  return (
    <>
      <strong>{isKnown ? "All clear" : "No incident is open"}</strong>
      {ended && (
        <>
          {" "}
          for <Age since={ended} />, since the last one ended
        </>
      )}
      .
      {infos > 0 && (
        <>
          {" "}
          <a href={linkTo("alerts", { state: "firing" })}>
            {infos} informational {infos === 1 ? "alert" : "alerts"}
          </a>
          .
        </>
      )}
    </>
  );
}

/** Who is on it, or a button to be that; and where to read what to do. */
function Duty({ incident }: { incident: Incident }) {
  const mayAct = useMayAct();
  return (
    <div class="buttons">
      {incident.owner && (
        <span class="chip">
          <bdi>{incident.owner}</bdi> is on it
        </span>
      )}
      {mayAct && !incident.owner && <TakeIncident incident={incident} />}
      <a class="button" href={linkTo(`runbooks/${incident.cause.rule_id}`)} aria-label={`Runbook: ${incident.title}`}>
        Runbook
      </a>
    </div>
  );
}

function Reasons({ state: { reasons } }: { state: OverallState }) {
  const isMore = new Set(reasons.map(({ message }) => message)).size > 1;
  return (
    <span class="quiet">
      {" "}
      {reasons.length} {reasons.length === 1 ? "figure is" : "figures are"} unknown: {reasons[0]?.message}
      {isMore && ", and more"}.
    </span>
  );
}

function NotEvaluated({ since }: { since: string }) {
  return (
    <strong class="late">
      {" "}
      No rule has been evaluated for <Age since={since} />: nothing is monitored, and the figures may be old.
    </strong>
  );
}

/** How old the page's data is. */
function DataAge() {
  const { at, isPaused } = usePolling();
  const now = useNow(1000);
  if (!at) return <span class="age" />;
  return (
    <span class="age" title={`${formatLocalTime(at)} (${formatUtcTime(at)})`}>
      {isPaused && "paused, "}
      {formatElapsed(at, now)} old
    </span>
  );
}
