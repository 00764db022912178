/** The components of the public status page, and the fields in which a person chooses among them. */

import { useSlow } from "../../lib/polling/use-live";

export interface Component {
  id: string;
  name: string;
}

const SUMMARY = "/api/v2/summary.json";

/** The components of the page, as its own summary has them; an empty list while they are not known. */
export function useComponents(): Component[] {
  const live = useSlow<{ components: Component[] }>(SUMMARY, loadSummary);
  return live.data?.components ?? [];
}

/** The names of components; one that is no longer on the page is named by its id. */
export function nameComponents(ids: readonly string[], known: readonly Component[]): string {
  return ids.map((id) => known.find((each) => each.id === id)?.name ?? id).join(", ");
}

/** Boxes for the components, of which some are ticked. */
export function ComponentChoices({ known, chosen, legend }: { known: Component[]; chosen: readonly string[]; legend: string }) {
  if (known.length === 0) return null;
  return (
    <fieldset class="choices">
      <legend>{legend}</legend>
      {known.map(({ id, name }) => (
        <label key={id}>
          <input type="checkbox" name="component" value={id} defaultChecked={chosen.includes(id)} />
          {name}
        </label>
      ))}
    </fieldset>
  );
}

export function readComponents(form: FormData): string[] {
  return form.getAll("component").map(String);
}

/** The summary is public and has the shape of Statuspage, not that of our API. */
async function loadSummary(): Promise<{ components: Component[] }> {
  const response = await fetch(SUMMARY, { signal: AbortSignal.timeout(10_000) });
  if (!response.ok) throw new Error(`the status page responded with status ${response.status}`);
  return response.json();
}
