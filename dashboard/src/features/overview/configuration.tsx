/** Invalid settings, and the part that each of them switches off. */

import type { Health } from "../../lib/api/types";
import { Panel } from "../../ui/panel";

export function Configuration({ health }: { health: Health | undefined }) {
  const problems = health?.configuration ?? [];
  if (problems.length === 0) return null;
  return (
    <Panel title="Invalid settings" kind="wide">
      <ul>
        {problems.map((problem) => (
          <li key={problem.variable}>
            <strong>{describePart(problem.affects)} is off.</strong> {problem.message}
          </li>
        ))}
      </ul>
    </Panel>
  );
}

/** The part that a dotted name such as "channel.email" stands for: "The email channel". */
export function describePart(affects: string): string {
  const [kind, name] = affects.split(".");
  return name ? `The ${name} ${kind}` : `The part ${affects}`;
}
