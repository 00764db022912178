/** A titled section of the page. */

import type { ComponentChildren } from "preact";

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
