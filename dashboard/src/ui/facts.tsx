/** Named values: rows of facts, tiles with a large figure, a meter with a limit. */

import type { ComponentChildren } from "preact";

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

/** 0..100 as a bar with a mark at the limit. */
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
