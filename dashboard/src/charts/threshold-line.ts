/** A line of values with their threshold, in a box of 120 by 30 without axes. */

interface Box {
  since: string;
  until: string;
  stepS: number;
  limit: number | null;
}

const [WIDTH, HEIGHT, EDGE] = [120, 30, 2];

/** The path of the line, which breaks where a step is unknown, and how high the threshold lies. Zero is at the bottom, or above. */
export function drawLine(
  points: [string, number][],
  { since, until, stepS, limit }: Box,
): { line: string; limitY: number | null } {
  const [from, length] = [Date.parse(since), Date.parse(until) - Date.parse(since)];
  const heights = [0, ...(limit === null ? [] : [limit]), ...points.map(([, value]) => value)];
  const [low, high] = [Math.min(...heights), Math.max(...heights)];
  const place = (value: number) => round(HEIGHT - EDGE - ((value - low) / (high - low || 1)) * (HEIGHT - 2 * EDGE));
  // A point stands for its step.
  const width = ((stepS * 1000) / length) * WIDTH;
  let before = Number.NEGATIVE_INFINITY;
  const parts = points.map(([at, value]) => {
    const time = Date.parse(at);
    const x = ((time - from) / length) * WIDTH;
    const isNext = time - before <= stepS * 1000;
    before = time;
    return `${isNext ? "L" : "M"}${round(x)} ${place(value)}H${round(x + width)}`;
  });
  return { line: parts.join(""), limitY: limit === null ? null : place(limit) };
}

const round = (value: number) => Math.round(value * 10) / 10;
