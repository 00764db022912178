/** Crons of the product: which are not on time. */

import type { Cron, Issue } from "../../lib/api/types";
import { formatSeconds } from "../../lib/format/numbers";
import { linkToIssue } from "../../lib/overview";
import { Badge } from "../../ui/badge";
import { Age } from "../../ui/time";

export function Crons({ crons, issues }: { crons: Cron[]; issues: Issue[] }) {
  if (crons.length === 0) return null;
  const alerts = issues.filter(({ labels, level }) => labels.cron && level !== "info");
  const late = crons.filter((cron) => cron.is_late && !alerts.some(({ labels }) => labels.cron === cron.name));
  const unknown = crons.filter((cron) => cron.is_late === null).length;
  if (late.length + unknown + alerts.length === 0) {
    return (
      <p class="calm">
        <span aria-hidden="true">✓ </span>All {crons.length} crons are on time.
      </p>
    );
  }
  return (
    <ul class="sticking" aria-label="Crons that are not on time">
      {alerts.map((alert) => (
        <li key={alert.alert_id}>
          <a href={linkToIssue(alert)}>
            <Badge word={alert.level}>
              {alert.title} · {alert.labels.cron}
            </Badge>
          </a>
        </li>
      ))}
      {late.map((cron) => (
        <li key={cron.name}>
          <Badge word="warning">
            {cron.name}{" "}
            {cron.last_ok_at ? (
              <>
                last ran <Age since={cron.last_ok_at} /> ago, every {formatSeconds(cron.period_s)}
              </>
            ) : (
              "is late and has not run yet"
            )}
          </Badge>
        </li>
      ))}
      {unknown > 0 && (
        <li>
          <Badge word="unknown">
            {unknown === crons.length ? `all ${unknown} crons: unknown` : `${unknown} more crons: unknown`}
          </Badge>
        </li>
      )}
    </ul>
  );
}
