/** What happened to something, in order: when, what, by whom, and why. */

import { toWords } from "../lib/format/names";
import { Time } from "./time";

interface Happening {
  at: string;
  kind: string;
  actor: string;
  details: string | null;
}

export function Timeline({ entries }: { entries: Happening[] }) {
  return (
    <ol class="timeline">
      {entries.map((entry, index) => (
        <li key={index}>
          <Time at={entry.at} /> <b>{toWords(entry.kind)}</b> by {entry.actor}
          {entry.details && <p class="quiet">{entry.details}</p>}
        </li>
      ))}
    </ol>
  );
}
