/** Invalid settings, and the part that each of them switches off: one line until somebody opens it. */

import type { Health } from "../../lib/api/types";
import { Badge } from "../../ui/badge";

export function Configuration({ health }: { health: Health | undefined }) {
  const problems = health?.configuration ?? [];
  if (problems.length === 0) return null;
  return (
    <details class="settings">
      <summary>
        <Badge word="warning">
          {problems.length} invalid {problems.length === 1 ? "setting" : "settings"}
        </Badge>
      </summary>
      <ul>
        {problems.map((problem) => (
          <li key={problem.variable}>
            <strong>{describePart(problem.affects)} is off.</strong> {problem.message}
          </li>
        ))}
      </ul>
    </details>
  );
}

/** The part that a dotted name such as "channel.email" stands for: "The email channel". */
export function describePart(affects: string): string {
  const [kind, name] = affects.split(".");
  return name ? `The ${name} ${kind}` : `The part ${affects}`;
}
