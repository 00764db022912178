/** A table whose rows stack on a narrow screen, where each cell names its column. */

import type { ComponentChildren } from "preact";

/** The name of a column, and what it shows of an item. The first column names the row. */
export type Column<T> = [name: string, show: (item: T) => ComponentChildren];

interface TableProps<T> {
  items: readonly T[];
  columns: [Column<T>, ...Column<T>[]];
  getKey: (item: T) => string;
  caption?: string;
  kind?: string;
  /** The header of a column, if it is more than its name. */
  head?: (name: string) => ComponentChildren;
  rowKind?: string;
}

export function Table<T>({ items, columns: [first, ...others], getKey, caption, kind = "", head, rowKind }: TableProps<T>) {
  return (
    <table class={`stacking ${kind}`}>
      {caption && <caption>{caption}</caption>}
      <thead>
        <tr>
          <th scope="col">{first[0]}</th>
          {others.map(([name]) => (
            <th scope="col" key={name} class="right">
              {head?.(name) ?? name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {items.map((item) => (
          <tr key={getKey(item)} class={rowKind}>
            <th scope="row">{first[1](item)}</th>
            {others.map(([name, show]) => (
              <td key={name} data-name={name.toLowerCase()}>
                {show(item)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
