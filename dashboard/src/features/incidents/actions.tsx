/** What a person may do about an incident. */

import { request } from "../../lib/api/client";
import type { Incident } from "../../lib/api/types";
import { refreshAfterAction } from "../../lib/polling/scheduler";
import { Action } from "../../ui/dialog";
import { computeEnd, Duration } from "../../ui/duration";

const act = (incident: Incident, action: string, body: object) =>
  request(`/api/incidents/${encodeURIComponent(incident.id)}/${action}`, "POST", body);

/** Take it with one tap; a note may say more. */
export function TakeIncident({ incident }: { incident: Incident }) {
  const take = async () => {
    await act(incident, "take", {});
    await refreshAfterAction();
  };
  return (
    <button type="button" class="primary" aria-label={`Take it: ${incident.title}`} onClick={() => void take()}>
      Take it
    </button>
  );
}

export function ReleaseIncident({ incident }: { incident: Incident }) {
  return <Action label="Release" title={`Release: ${incident.title}`} act={(reason) => act(incident, "release", { reason })} />;
}

export function AddNote({ incident }: { incident: Incident }) {
  const fields = (
    <label>
      Note
      <textarea name="note" required maxLength={1000} rows={3} autofocus />
    </label>
  );
  const add = (_reason: string, form: FormData) => act(incident, "note", { note: String(form.get("note") ?? "").trim() });
  return (
    <Action label="Add a note" title={`Note on: ${incident.title}`} confirm="Add" needsReason={false} fields={fields} act={add} />
  );
}

/** Silence the cause: what follows from it is inhibited already. */
export function SilenceIncident({ incident }: { incident: Incident }) {
  const { rule_id, labels } = incident.cause;
  const silence = (reason: string, form: FormData) => {
    const matchers = { rule_id, ...(Object.keys(labels).length ? { labels } : {}) };
    return request("/api/silences", "POST", { matchers, reason, ends_at: computeEnd(form) });
  };
  return (
    <Action
      label="Silence"
      title={`Silence: ${incident.title}`}
      fields={<Duration />}
      usualReason="somebody looks into it"
      act={silence}
    />
  );
}
