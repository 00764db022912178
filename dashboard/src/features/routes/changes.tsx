/** Who changed the routes of the page: when, why, and what each was before and after. */

import type { RouteChange, RouteVersion } from "../../lib/api/types";
import { Panel } from "../../ui/panel";
import { Time } from "../../ui/time";

const WORDS = { add: "added", change: "changed", remove: "removed", move: "moved" };

export function Changes({ history }: { history: RouteVersion[] }) {
  if (history.length === 0) return null;
  return (
    <Panel title="Changes of the routes" kind="wide">
      <ul class="plain">
        {history.map(({ version, at, actor, reason, changes }) => (
          <li key={version}>
            <Time at={at} /> <b>{actor}</b> <span class="quiet">{reason}</span>
            <ul>
              {changes.map((change) => (
                <li key={change.name + change.action}>
                  {change.name} {WORDS[change.action]} <Definitions change={change} />
                </li>
              ))}
            </ul>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function Definitions({ change: { before, after } }: { change: RouteChange }) {
  if (!before && !after) return null;
  return (
    <details>
      <summary>{before && after ? "before and after" : "definition"}</summary>
      {before && <pre>{JSON.stringify(before, null, 2)}</pre>}
      {after && <pre>{JSON.stringify(after, null, 2)}</pre>}
    </details>
  );
}
