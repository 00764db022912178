/** The levels of alerts and incidents, and the order in which people should look at them. */

export const LEVELS = ["critical", "error", "warning", "info"];

interface Leveled {
  level: string;
  started_at: string;
}

/** The worst first, then the longest; `postpone` says by how many levels an item waits behind the others. */
export function sortByLevel<T extends Leveled>(items: readonly T[], postpone: (item: T) => number): T[] {
  const rank = (item: T) => LEVELS.indexOf(item.level) + postpone(item);
  return [...items].sort((a, b) => rank(a) - rank(b) || a.started_at.localeCompare(b.started_at));
}
