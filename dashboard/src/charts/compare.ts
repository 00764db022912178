/** Series of today next to those of a day or a week before, moved to the same times. */

import type { Series } from "../lib/api/types";

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
