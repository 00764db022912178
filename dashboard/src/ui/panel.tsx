/** A titled section of the page. */

import type { ComponentChildren } from "preact";

interface PanelProps {
  title: string;
  aside?: ComponentChildren;
  kind?: string;
  /** On a phone, what it holds is folded until somebody opens it. */
  folds?: boolean;
  children: ComponentChildren;
}

// As in screens.css.
const PHONE = "(max-width: 640px)";

export function Panel({ title, aside, kind = "", folds, children }: PanelProps) {
  return (
    <section class={`panel ${kind}`} aria-label={title}>
      <header class="panel-head">
        <h2>{title}</h2>
        {aside}
      </header>
      {folds ? (
        <details class="fold" open={!matchMedia(PHONE).matches}>
          <summary>Show</summary>
          {children}
        </details>
      ) : (
        children
      )}
    </section>
  );
}
