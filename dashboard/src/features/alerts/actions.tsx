/** What a person may do about an alert: each action takes a reason. */

import { request } from "../../lib/api/client";
import type { Alert } from "../../lib/api/types";
import { Action } from "../../ui/dialog";
import { computeEnd, Duration } from "../../ui/duration";

export function Acknowledge({ alert }: { alert: Alert }) {
  const act = (reason: string) => request(`/api/alerts/${encodeURIComponent(alert.id)}/acknowledge`, "POST", { reason });
  return <Action label="Acknowledge" title={`Acknowledge: ${alert.title}`} act={act} />;
}

export function SilenceAlert({ alert }: { alert: Alert }) {
  const act = (reason: string, form: FormData) => {
    const matchers = { rule_id: alert.rule_id, ...(Object.keys(alert.labels).length ? { labels: alert.labels } : {}) };
    return request("/api/silences", "POST", { matchers, reason, ends_at: computeEnd(form) });
  };
  return (
    <Action
      label="Silence"
      title={`Silence: ${alert.title}`}
      fields={<Duration />}
      usualReason="somebody looks into it"
      act={act}
    />
  );
}
