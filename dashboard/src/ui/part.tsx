/** A part of a long list with its own state, such as what fires now, or the history: titled, filtered, paged. */

import type { ComponentChild } from "preact";
import { usePages } from "../lib/polling/pages";
import { useRoute } from "../lib/route";
import { addFilters } from "./filters";
import { Paged } from "./paged";

interface PartProps<T> {
  title: string;
  /** The path of its list, without the filters of the page's address. */
  path: string;
  filters: string[];
  /** Singular and plural of an item. */
  words: [string, string];
  order: string;
  /** What it says without filters while the list is empty. */
  none: string;
  sort?: (items: T[]) => T[];
  row: (item: T) => ComponentChild;
}

export function Part<T>({ title, path, filters, words, order, none, sort = (items) => items, row }: PartProps<T>) {
  const { params } = useRoute();
  const isFiltered = filters.some((name) => params.get(name));
  const pages = usePages<T>(addFilters(path, params, filters));
  return (
    <section class="part" aria-label={title}>
      <h3>{title}</h3>
      <Paged pages={pages} words={words} order={order} none={isFiltered ? `No ${words[1]} match.` : none}>
        {(items) => <ul class="alerts long">{sort(items).map(row)}</ul>}
      </Paged>
    </section>
  );
}
