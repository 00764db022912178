/** How long something is silenced or ignored. */

import { now } from "../lib/time/now";

const HOURS: [number, string][] = [
  [1, "1 hour"],
  [2, "2 hours"],
  [4, "4 hours"],
  [24, "1 day"],
  [168, "7 days"],
];

export function Duration({ forever = false }: { forever?: boolean }) {
  return (
    <fieldset class="choices">
      <legend>For</legend>
      {HOURS.map(([hours, name]) => (
        <label key={hours}>
          <input type="radio" name="hours" value={hours} defaultChecked={hours === 1} />
          {name}
        </label>
      ))}
      {forever && (
        <label>
          <input type="radio" name="hours" value="" />
          an unlimited time, until reopened
        </label>
      )}
    </fieldset>
  );
}

/** The end of the chosen duration, from now. */
export function computeEnd(form: FormData): string {
  return new Date(now() + Number(form.get("hours") || 1) * 3_600_000).toISOString();
}
