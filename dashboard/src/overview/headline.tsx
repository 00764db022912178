/** One sentence: does it work, and since when. */

import { useEffect } from "preact/hooks";
import type { AlertPage, Health, Status } from "../api-types";
import type { Live } from "../poll";
import { Age, Badge, isNone } from "../ui/basics";
import { useNow } from "../ui/clock";

/** A state that was not asked for so long, as in a tab that is paused or hidden, is none of now. */
const CURRENT_MS = 120_000;

interface HeadlineProps {
  status: Status;
  live: Live<Status>;
  health: Health | undefined;
  alerts: AlertPage | undefined;
}

export function Headline({ status, live, health, alerts }: HeadlineProps) {
  const reasons = reasonsOf(status);
  const now = useNow(10_000);
  const isOld = live.error !== null || now - live.at > CURRENT_MS;
  const isGood = status.status === "operational";
  const isBlind = isGood && (reasons.length > 0 || health?.monitor?.is_late === true);
  const word = isBlind || (isGood && isOld) ? "unknown" : status.status;
  const shown = word !== "unknown" ? word : isOld ? "unknown" : "partly unknown";
  useEffect(() => {
    document.title = `${shown} · Callwatch`;
    return () => void (document.title = "Callwatch");
  }, [shown]);
  return (
    <section class={`headline ${word}`} aria-label="Overall state">
      <Badge word={word}>{shown}</Badge>
      <p>
        {isOld && isGood ? <strong>How it is now is not known.</strong> : <Sentence status={status} alerts={alerts} />}
        {isOld && (
          <span>
            {" "}
            {isGood ? "It was operational" : "So it was"} <Age since={live.at} /> ago.
          </span>
        )}
        {reasons.length > 0 && (
          <span>
            {" "}
            {reasons.length} {reasons.length === 1 ? "figure is" : "figures are"} unknown: {reasons[0]?.[1]}
            {new Set(reasons.map(([, reason]) => reason)).size > 1 && ", and more"}.
          </span>
        )}
        {health?.monitor?.is_late && <MonitorLate at={health.monitor.last_cycle_at} />}
      </p>
    </section>
  );
}

/** Why figures of the status are unknown, by path, that could be known. */
export function reasonsOf(status: Pick<Status, "unknown">): [string, string][] {
  return Object.entries(status.unknown).filter(([path, reason]) => !isExpected(path) && !isNone(reason));
}

/** The product records no fetching: this figure is null for ever, and says nothing about today. */
function isExpected(path: string): boolean {
  return path === "services.queues.recordings.processing";
}

function Sentence({ status, alerts }: { status: Status; alerts: AlertPage | undefined }) {
  if (status.status !== "operational") {
    const type = status.status === "outage" ? "error" : "warning";
    const issues = status.issues.filter((issue) => issue.type === type).sort((a, b) => a.since.localeCompare(b.since));
    const since = issues[0]?.since;
    const names = [...new Set(issues.map((issue) => issue.message.split(":")[0]))];
    return (
      <>
        <strong>{status.status === "outage" ? "Something is down" : "It works, but not well"}</strong>
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
      <strong>No alarm</strong>
      {last ? (
        <>
          {" "}
          for <Age since={last} />, since the last alert was resolved.
        </>
      ) : alerts?.items.length === 0 ? (
        ": no alert has ever fired."
      ) : (
        "."
      )}
      {status.issues.length > 0 && ` ${status.issues.length} ${status.issues.length === 1 ? "note" : "notes"} below.`}
    </>
  );
}

function MonitorLate({ at }: { at: string | null }) {
  return (
    <strong class="late">
      {" "}
      The monitor has not finished a cycle{" "}
      {at ? (
        <>
          for <Age since={at} />
        </>
      ) : (
        "yet"
      )}
      : what stands here may be old.
    </strong>
  );
}
