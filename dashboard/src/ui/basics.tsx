/** The small parts that every view is made of. */

import type { ComponentChildren } from "preact";
import { elapsed, localTime, number, utcTime } from "../format";
import { useNow } from "./clock";

/** Signs beside words: colour is never the only sign. */
const SIGNS: Record<string, string> = {
  operational: "✓",
  healthy: "✓",
  resolved: "✓",
  ok: "✓",
  sent: "✓",
  completed: "✓",
  degraded: "▲",
  warning: "▲",
  pending: "▲",
  medium: "▲",
  due: "…",
  outage: "✕",
  down: "✕",
  unhealthy: "✕",
  error: "✕",
  critical: "✕",
  firing: "✕",
  failed: "✕",
  high: "✕",
  unknown: "?",
  info: "i",
  disabled: "–",
  ignored: "–",
  low: "•",
  new: "★",
  regressed: "↺",
  unresolved: "•",
};

export function Badge({ word, children }: { word: string; children?: ComponentChildren }) {
  return (
    <span class={`badge ${word}`}>
      <span class="sign" aria-hidden="true">
        {SIGNS[word] ?? "•"}
      </span>
      {children ?? word}
    </span>
  );
}

interface PanelProps {
  title: string;
  aside?: ComponentChildren;
  kind?: string;
  children: ComponentChildren;
}

export function Panel({ title, aside, kind = "", children }: PanelProps) {
  return (
    <section class={`panel ${kind}`} aria-label={title}>
      <header class="panel-head">
        <h2>{title}</h2>
        {aside}
      </header>
      {children}
    </section>
  );
}

type Reasons = Record<string, string> | undefined;

interface FigureProps {
  value: number | null | undefined;
  path: string;
  unknown: Reasons;
  show?: (value: number) => string;
}

/** A figure; what is not known is said so with its reason, and what there is none of is "none". */
export function Figure({ value, path, unknown, show = number }: FigureProps) {
  if (value !== null && value !== undefined) return <span class="figure">{show(value)}</span>;
  return <Unknown reason={unknown?.[path]} />;
}

export function Unknown({ reason = "the API does not say why" }: { reason?: string | undefined }) {
  return (
    <span class="unknown" title={reason}>
      {isNone(reason) ? "none" : "unknown"}
    </span>
  );
}

/** Whether a reason says that there is nothing to measure, rather than that it could not be measured. */
export function isNone(reason: string): boolean {
  return /^(nothing|no traffic|no request|no other|there is no)/.test(reason);
}

interface ReasonsProps {
  unknown: Reasons;
  under: string[];
  /** The words for the rest of a path below its parent. */
  named?: (rest: string, parent: string) => string;
}

const REASONS_AT_ONCE = 3;

/** Why figures under these paths are unknown, each reason once. */
export function Reasons({ unknown, under, named = (rest) => rest }: ReasonsProps) {
  const names = new Map<string, string[]>();
  for (const [path, reason] of Object.entries(unknown ?? {})) {
    const parent = under.find((one) => path === one || path.startsWith(`${one}.`));
    if (parent === undefined) continue;
    const name = path.slice(path === parent ? path.lastIndexOf(".") + 1 : parent.length + 1);
    names.set(reason, [...(names.get(reason) ?? []), named(name, parent).replace(/[_.]/g, " ")]);
  }
  if (names.size === 0) return null;
  const list = (
    <ul class="reasons">
      {[...names].map(([reason, which]) => (
        <li key={reason}>
          <span aria-hidden="true">? </span>
          {which.length > 4 ? `${which.slice(0, 3).join(", ")} and ${which.length - 3} more` : which.join(", ")}: {reason}
        </li>
      ))}
    </ul>
  );
  if (names.size <= REASONS_AT_ONCE) return list;
  return (
    <details class="more-reasons">
      <summary>? {names.size} reasons why figures are unknown</summary>
      {list}
    </details>
  );
}

/** A time in the reader's zone, with UTC on hover. */
export function Time({ at }: { at: string | number }) {
  return (
    <time dateTime={new Date(at).toISOString()} title={utcTime(at)}>
      {localTime(at)}
    </time>
  );
}

/** How long ago, kept up to date. */
export function Age({ since }: { since: string | number }) {
  const now = useNow(10_000);
  return (
    <time dateTime={new Date(since).toISOString()} title={`${localTime(since)} (${utcTime(since)})`}>
      {elapsed(since, now)}
    </time>
  );
}

export function Facts({ rows }: { rows: [string, ComponentChildren][] }) {
  return (
    <dl class="facts">
      {rows.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** A large figure with its name below. */
export function Tile({ name, kind = "", children }: { name: string; kind?: string; children: ComponentChildren }) {
  return (
    <div class={`tile ${kind}`}>
      <dd>{children}</dd>
      <dt>{name}</dt>
    </div>
  );
}

/** 0..100 as a bar with a mark where it becomes too much. */
export function Meter({ percent, limit, name }: { percent: number; limit: number; name: string }) {
  const width = Math.min(100, Math.max(0, percent));
  return (
    <svg
      class={percent > limit ? "meter over" : "meter"}
      viewBox="0 0 100 6"
      preserveAspectRatio="none"
      role="img"
      aria-label={name}
    >
      <rect class="meter-ground" width="100" height="6" rx="1" />
      <rect class="meter-fill" width={width} height="6" rx="1" />
      <rect class="meter-limit" x={limit} width="0.6" height="6" />
    </svg>
  );
}
