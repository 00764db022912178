/** Filters of a list; each is a parameter of the page's address. */

import { setParams, useRoute } from "../lib/route";

interface ChoiceProps {
  name: string;
  label: string;
  choices: string[];
  any?: string;
}

export function Choice({ name, label, choices, any = "any" }: ChoiceProps) {
  const { params } = useRoute();
  return (
    <label class="filter">
      {label}
      <select value={params.get(name) ?? ""} onChange={(event) => setParams({ [name]: event.currentTarget.value })}>
        <option value="">{any}</option>
        {choices.map((choice) => (
          <option key={choice} value={choice}>
            {choice}
          </option>
        ))}
      </select>
    </label>
  );
}

/** A search field; it applies when it loses the focus or Enter is pressed. */
export function Search({ name = "q", label = "Search" }: { name?: string; label?: string }) {
  const { params } = useRoute();
  return (
    <label class="filter grow">
      {label}
      <input
        type="search"
        value={params.get(name) ?? ""}
        onChange={(event) => setParams({ [name]: event.currentTarget.value.trim() })}
      />
    </label>
  );
}

/** Filters that a link set, each with a button to remove it. */
export function Given({ names }: { names: string[] }) {
  const { params } = useRoute();
  const given = names.filter((name) => params.get(name));
  if (given.length === 0) return null;
  return (
    <p class="buttons given">
      {given.map((name) => (
        <button
          type="button"
          key={name}
          onClick={() => setParams({ [name]: "" })}
          aria-label={`Remove filter ${name} ${params.get(name)}`}
        >
          {name} {params.get(name)} <span aria-hidden="true">×</span>
        </button>
      ))}
    </p>
  );
}

/** The path with the filters of the page's address in its query. */
export function addFilters(path: string, params: URLSearchParams, names: string[]): string {
  const query = new URLSearchParams();
  for (const name of names) {
    const value = params.get(name);
    if (value) query.set(name, value);
  }
  return query.size ? `${path}${path.includes("?") ? "&" : "?"}${query}` : path;
}
