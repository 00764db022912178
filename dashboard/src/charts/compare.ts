/** Series of today next to those of a day or a week before, moved to the same times. */

import type { History, Series } from "../lib/api/types";

export const COMPARED: Record<string, { days: number; words: string }> = {
  "1d": { days: 1, words: "a day before" },
  "7d": { days: 7, words: "a week before" },
};
const DAY_MS = 86_400_000;

/** Both, the earlier ones last: each point of theirs stands at the time that it is compared with. */
export function joinEarlier(series: Series[], earlier: Series[], before: string): Series[] {
  const compared = COMPARED[before];
  if (!compared) return series;
  const moved = earlier.map((one) => ({
    ...one,
    labels: { ...(Object.keys(one.labels).length ? one.labels : { name: one.name }), before: compared.words },
    points: one.points.map(([at, value]): [string, number | null] => [
      new Date(Date.parse(at) + compared.days * DAY_MS).toISOString(),
      value,
    ]),
  }));
  return [...series, ...moved];
}

/** Fewer steps say nothing about a course. */
const FEWEST_STEPS = 6;

/** How a range and an earlier one compare: only in steps of equal length. Further back, nothing shorter than hours is kept. */
export function findStep(
  range: History | undefined,
  earlier: History | undefined,
): { stepS: number | null; isTooShort: boolean } {
  if (!range || !earlier || earlier.step_s <= range.step_s) return { stepS: null, isTooShort: false };
  const isTooShort = Date.parse(range.to) - Date.parse(range.from) < FEWEST_STEPS * earlier.step_s * 1000;
  return { stepS: isTooShort ? null : earlier.step_s, isTooShort };
}

/** One series with the sum of some: unknown where any of them is. */
export function sumSeries(series: Series[]): Series[] {
  const [first] = series;
  if (!first) return [];
  const points = first.points.map(([at], index): [string, number | null] => {
    const values = series.map((one) => one.points[index]?.[1] ?? null);
    return [at, values.includes(null) ? null : values.reduce((sum: number, value) => sum + (value ?? 0), 0)];
  });
  return [{ ...first, labels: {}, name: "all", points }];
}
