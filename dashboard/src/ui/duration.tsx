/** How long something is silenced or ignored. */

import { now } from "../lib/time/now";

const HOURS: [number, string][] = [
  [1, "1 hour"],
  [4, "4 hours"],
  [24, "1 day"],
  [168, "7 days"],
];

export function Duration({ forever = false }: { forever?: boolean }) {
  return (
    <label>
      For
      <select name="hours">
        {HOURS.map(([hours, name]) => (
          <option key={hours} value={hours}>
            {name}
          </option>
        ))}
        {forever && <option value="">an unlimited time, until reopened</option>}
      </select>
    </label>
  );
}

/** The end of the chosen duration, from now. */
export function computeEnd(form: FormData): string {
  return new Date(now() + Number(form.get("hours") || 1) * 3_600_000).toISOString();
}
