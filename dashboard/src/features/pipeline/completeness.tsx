/** Key fields of recent calls: how many calls have them. */

import { toWords } from "../../lib/format/names";
import { formatShare } from "../../lib/format/numbers";
import { Badge } from "../../ui/badge";

// Shares of calls that have a field.
const COMPLETE = 0.995;
const MOSTLY = 0.5;

/** Key fields that are missing in recent calls. */
export function Completeness({ fields }: { fields: Record<string, number | null> | null }) {
  const known = Object.entries(fields ?? {}).filter((field): field is [string, number] => field[1] !== null);
  if (known.length === 0) return null;
  const missing = Object.keys(fields ?? {}).length - known.length;
  const lacking = known.filter(([, share]) => share < COMPLETE).sort((a, b) => a[1] - b[1]);
  if (lacking.length === 0 && missing > 0) {
    return (
      <p>
        <Badge word="unknown">
          {known.length} key fields are filled in, {missing} unknown
        </Badge>
      </p>
    );
  }
  if (lacking.length === 0) {
    return (
      <p class="calm">
        <span aria-hidden="true">✓ </span>All {known.length} key fields are filled in.
      </p>
    );
  }
  return (
    <ul class="sticking" aria-label="Key fields missing in recent calls">
      {lacking.map(([name, filled]) => (
        <li key={name}>
          <Badge word={filled < MOSTLY ? "warning" : "info"}>
            {toWords(name)} {formatShare(filled)} filled in
          </Badge>
        </li>
      ))}
    </ul>
  );
}
