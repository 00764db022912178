/** ISO weeks by name, such as 2026-W48. Days are counted in UTC: a name has no time zone. */

const DAY_MS = 86_400_000;

/** The week of a time. Its year is that of its Thursday. */
export function nameWeek(at: number): string {
  const day = new Date(at);
  const thursday = new Date(Date.UTC(day.getUTCFullYear(), day.getUTCMonth(), day.getUTCDate() + 4 - (day.getUTCDay() || 7)));
  const newYear = Date.UTC(thursday.getUTCFullYear(), 0, 1);
  const number = Math.floor((thursday.getTime() - newYear) / DAY_MS / 7) + 1;
  return `${thursday.getUTCFullYear()}-W${String(number).padStart(2, "0")}`;
}

/** The newest weeks, that of the time first. */
export function listWeeks(at: number, count: number): string[] {
  return Array.from({ length: count }, (_, back) => nameWeek(at - back * 7 * DAY_MS));
}
