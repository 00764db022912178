/** Notifies of each critical incident once. The text names nothing of the incident: a locked screen shows it to anybody. */

import { useEffect } from "preact/hooks";
import type { Incident, Overview } from "../../lib/api/types";
import { formatLocalTime } from "../../lib/format/times";
import { areNotificationsOn } from "../../lib/notifications";
import { pollInBackground } from "../../lib/polling/scheduler";
import { linkTo } from "../../lib/route";
import { readNotified, switchNotifications } from "./notified";

// More than can be open at once; the browser's storage stays small.
const KEPT = 200;

export function Notifier({ overview }: { overview: Overview | undefined }) {
  useEffect(() => {
    pollInBackground(true);
    return () => pollInBackground(false);
  }, []);
  useEffect(() => {
    if (overview && areNotificationsOn()) announceIncidents(overview.incidents ?? []);
  }, [overview]);
  return null;
}

function announceIncidents(incidents: readonly Incident[]): void {
  const known = readNotified();
  const found = listCritical(incidents).filter(({ id }) => !known.includes(id));
  if (found.length === 0) return;
  switchNotifications(true, [...known, ...found.map(({ id }) => id)].slice(-KEPT));
  for (const { id, started_at } of found) {
    const options = { body: `It began at ${formatLocalTime(started_at)}. Open Callwatch to read it.`, tag: `callwatch-${id}` };
    const shown = new Notification("Callwatch: critical incident", options);
    shown.onclick = () => {
      window.focus();
      location.hash = linkTo(`incidents/${id}`);
    };
  }
}

/** Open critical incidents that no silence covers. */
export function listCritical(incidents: readonly Incident[]): Incident[] {
  return incidents.filter(({ level, state, silenced_until }) => level === "critical" && state === "open" && !silenced_until);
}
