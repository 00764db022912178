/** A word with its sign. */

import type { ComponentChildren } from "preact";

/** Signs next to words: color is never the only sign. */
const SIGNS: Record<string, string> = {
  operational: "✓",
  healthy: "✓",
  resolved: "✓",
  ok: "✓",
  sent: "✓",
  completed: "✓",
  degraded: "▲",
  saturated: "▲",
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
