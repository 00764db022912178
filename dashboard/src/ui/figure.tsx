/** A figure, and the reasons of those that are unknown. */

import type { Unknown as Why } from "../lib/api/types";
import { isNone } from "../lib/api/unknown";
import { toWords } from "../lib/format/names";
import { formatNumber } from "../lib/format/numbers";

export type Reasons = Record<string, Why> | undefined;

interface FigureProps {
  value: number | null | undefined;
  path: string;
  unknown: Reasons;
  show?: (value: number) => string;
}

const UNEXPLAINED: Why = { code: "unavailable", message: "the API gives no reason" };

/** A figure. An unknown one shows its reason; one with nothing to measure shows "none". */
export function Figure({ value, path, unknown, show = formatNumber }: FigureProps) {
  if (value !== null && value !== undefined) return <span class="figure">{show(value)}</span>;
  return <Unknown reason={unknown?.[path]} />;
}

export function Unknown({ reason = UNEXPLAINED }: { reason?: Why | undefined }) {
  return (
    <span class="unknown" title={reason.message}>
      {isNone(reason) ? "none" : "unknown"}
    </span>
  );
}

interface ReasonsProps {
  unknown: Reasons;
  under: string[];
  /** The words for the segments of a path below its parent. */
  named?: (rest: string[], parent: string) => string[];
}

const REASONS_AT_ONCE = 3;

/** The reasons why figures under these paths are unknown, each once. */
export function Reasons({ unknown, under, named = (rest) => rest }: ReasonsProps) {
  const names = new Map<string, string[]>();
  for (const [path, { message }] of Object.entries(unknown ?? {})) {
    const parent = under.find((one) => path === one || path.startsWith(`${one}.`));
    if (parent === undefined) continue;
    const below = path.slice(path === parent ? path.lastIndexOf(".") + 1 : parent.length + 1).split(".");
    names.set(message, [...(names.get(message) ?? []), toWords(named(below, parent).join(" "))]);
  }
  if (names.size === 0) return null;
  const list = (
    <ul class="reasons">
      {[...names].map(([message, which]) => (
        <li key={message}>
          <span aria-hidden="true">? </span>
          {which.length > 4 ? `${which.slice(0, 3).join(", ")} and ${which.length - 3} more` : which.join(", ")}: {message}
        </li>
      ))}
    </ul>
  );
  if (names.size <= REASONS_AT_ONCE) return list;
  return (
    <details class="more-reasons">
      <summary>? Figures are unknown for {names.size} reasons</summary>
      {list}
    </details>
  );
}
