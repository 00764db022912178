/** The links to the views, with the counts that ask for attention. */

import { useEffect, useState } from "preact/hooks";
import type { Overview } from "../../lib/api/types";
import { countSerious } from "../../lib/incidents";
import { linkTo, type Route } from "../../lib/route";
import { nameView, VIEWS } from "./views";

export function Navigation({ route, overview }: { route: Route; overview: Overview | undefined }) {
  const [isOpen, setOpen] = useState(false);
  const counts = countByView(overview);
  useEffect(() => setOpen(false), [route.view, route.id]);
  return (
    <>
      <button type="button" class="menu" aria-expanded={isOpen} aria-controls="views" onClick={() => setOpen(!isOpen)}>
        <span aria-hidden="true">☰ </span>
        {nameView(route.view)}
      </button>
      <nav id="views" aria-label="Views" class={isOpen ? "open" : ""}>
        {VIEWS.map((view) => (
          <a key={view} href={linkTo(view)} aria-current={view === route.view ? "page" : undefined}>
            {nameView(view)}
            <Count count={counts[view] ?? 0} />
          </a>
        ))}
      </nav>
    </>
  );
}

function Count({ count }: { count: number }) {
  if (count === 0) return null;
  return <span class="count">{count > 99 ? "99+" : count}</span>;
}

/** How many things of a view ask for attention; 0 where there is none, or where it is not known. It takes foreign responses. */
export function countByView(overview: Overview | undefined): Record<string, number> {
  const issues = overview?.issues?.filter(({ level }) => level !== "info") ?? [];
  return {
    incidents: overview ? countSerious(overview) : 0,
    alerts: issues.length,
    errors: overview?.errors?.summary?.unresolved ?? 0,
    crons: overview?.pipeline?.crons?.filter((cron) => cron.is_late).length ?? 0,
  };
}
