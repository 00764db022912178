/** Filters of a list; each is a parameter of the address. */

import { setParams, useRoute } from "../route";

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

/** Words to look for; asked for when the field is left or Enter is pressed. */
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

/** Filters that a link brought along, each with a way to be rid of it. */
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
          aria-label={`Without ${name} ${params.get(name)}`}
        >
          {name} {params.get(name)} <span aria-hidden="true">×</span>
        </button>
      ))}
    </p>
  );
}

/** The path with those parameters of the address that are its filters. */
export function filtered(path: string, params: URLSearchParams, names: string[]): string {
  const query = new URLSearchParams();
  for (const name of names) {
    const value = params.get(name);
    if (value) query.set(name, value);
  }
  return query.size ? `${path}?${query}` : path;
}
