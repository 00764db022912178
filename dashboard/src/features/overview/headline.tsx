/** One sentence: does it work, and since when? */

import { useEffect } from "preact/hooks";
import type { AlertPage, Incident, Status } from "../../lib/api/types";
import type { Live } from "../../lib/polling/use-live";
import { useNow } from "../../lib/time/use-now";
import { Badge } from "../../ui/badge";
import { Age } from "../../ui/time";
import { judgeState } from "./overall-state";

interface HeadlineProps {
  status: Status;
  live: Live<Status>;
  alerts: AlertPage | undefined;
  /** The open incidents above info, the worst first; empty while they are not known. */
  incidents: Incident[];
}

export function Headline({ status, live, alerts, incidents }: HeadlineProps) {
  const { word, shown, isOld, reasons } = judgeState(status, live, useNow(1_000));
  const isGood = status.status === "operational";
  useEffect(() => {
    document.title = `${shown} · Callwatch`;
    return () => {
      document.title = "Callwatch";
    };
  }, [shown]);
  return (
    <section class={`headline ${word}`} aria-label="Overall state">
      <Badge word={word}>{shown}</Badge>
      <p>
        {isOld && isGood ? (
          <strong>The current state is unknown.</strong>
        ) : (
          <Sentence status={status} alerts={alerts} incidents={incidents} />
        )}
        {isOld && (
          <span>
            {" "}
            {isGood ? "It was operational" : "This was the state"} <Age since={live.at} /> ago.
          </span>
        )}
        {reasons.length > 0 && (
          <span>
            {" "}
            {reasons.length} {reasons.length === 1 ? "figure is" : "figures are"} unknown: {reasons[0]?.message}
            {new Set(reasons.map(({ message }) => message)).size > 1 && ", and more"}.
          </span>
        )}
        {status.monitor.not_evaluated_since && <NotEvaluated since={status.monitor.not_evaluated_since} />}
      </p>
    </section>
  );
}

function Sentence({ status, alerts, incidents }: Omit<HeadlineProps, "live">) {
  const [worst, ...others] = incidents;
  if (status.status !== "operational" && worst) {
    return (
      <>
        <strong>{worst.sentence}</strong>
        {others.length > 0 && `, and ${others.length} more ${others.length === 1 ? "incident" : "incidents"}`}.
      </>
    );
  }
  if (status.status !== "operational") {
    const type = status.status === "outage" ? "error" : "warning";
    const issues = status.issues.filter((issue) => issue.type === type).sort((a, b) => a.since.localeCompare(b.since));
    const since = issues[0]?.since;
    const names = [...new Set(issues.map((issue) => issue.title))];
    return (
      <>
        <strong>{status.status === "outage" ? "Something is down" : "Something is degraded"}</strong>
        {since && (
          <>
            {" "}
            for <Age since={since} />
          </>
        )}
        : {names.slice(0, 3).join(", ")}
        {names.length > 3 && `, and ${names.length - 3} more`}.
      </>
    );
  }
  const ends = (alerts?.items ?? [])
    .map((alert) => alert.resolved_at)
    .filter((at) => at !== null)
    .sort();
  const last = ends.at(-1);
  return (
    <>
      <strong>All clear</strong>
      {last ? (
        <>
          {" "}
          for <Age since={last} />, since the last alert was resolved.
        </>
      ) : alerts?.items.length === 0 ? (
        ": no alert has fired yet."
      ) : (
        "."
      )}
      {status.issues.length > 0 &&
        ` ${status.issues.length} informational ${status.issues.length === 1 ? "alert" : "alerts"} below.`}
    </>
  );
}

function NotEvaluated({ since }: { since: string }) {
  return (
    <strong class="late">
      {" "}
      No rule has been evaluated for <Age since={since} />: nothing is monitored, and the figures below may be old.
    </strong>
  );
}
