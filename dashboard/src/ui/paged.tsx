/** A paged list: its count, its items, and a button for more. */

import type { ComponentChildren } from "preact";
import type { usePages } from "../lib/polling/pages";
import { Empty, When } from "./state";

interface PagedProps<T> {
  pages: ReturnType<typeof usePages<T>>;
  /** Singular and plural of an item. */
  words: [string, string];
  /** "the newest first" */
  order: string;
  none: string;
  children: (items: T[]) => ComponentChildren;
}

export function Paged<T>({ pages, words, order, none, children }: PagedProps<T>) {
  return (
    <When live={pages}>
      {({ items, hasMore }) => (
        <>
          <p class="quiet" role="status">
            {items.length}
            {hasMore && "+"} {words[items.length === 1 ? 0 : 1]}, {order}
          </p>
          {items.length === 0 && <Empty>{none}</Empty>}
          {children(items)}
          {hasMore && (
            <button type="button" onClick={pages.more} disabled={pages.isOld}>
              {pages.isOld ? "Loading …" : "Show more"}
            </button>
          )}
        </>
      )}
    </When>
  );
}
