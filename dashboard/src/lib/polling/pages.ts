/** Paged lists: a refresh requests as many pages as are shown. */

import { useState } from "preact/hooks";
import { request } from "../api/client";
import { peek } from "./store";
import { type Live, useLive } from "./use-live";

const LIMIT = 200;

export interface Pages<T> {
  items: T[];
  hasMore: boolean;
}

interface Page<T> {
  items: T[];
  next_cursor: string | null;
}

/** The list at `path` (with its filters), and a function that loads its next page; the loaded items stay meanwhile. */
export function usePages<T>(path: string): Live<Pages<T>> & { isOld: boolean; more: () => void } {
  const [asked, setAsked] = useState({ path, count: 1 });
  const count = asked.path === path ? asked.count : 1;
  const live = useLive<Pages<T>>(`${path}#${count}`, () => load<T>(path, count));
  const before = live.data === undefined ? peek<Pages<T>>(`${path}#${count - 1}`) : undefined;
  const shown = before?.data ? { data: before.data, at: before.at } : {};
  return { ...live, ...shown, isOld: live.data === undefined, more: () => setAsked({ path, count: count + 1 }) };
}

async function load<T>(path: string, count: number): Promise<Pages<T>> {
  const items: T[] = [];
  let cursor: string | null = null;
  for (let page = 0; page < count; page += 1) {
    const query = new URLSearchParams({ limit: String(LIMIT), ...(cursor ? { cursor } : {}) });
    const found: Page<T> = await request<Page<T>>(`${path}${path.includes("?") ? "&" : "?"}${query}`);
    items.push(...found.items);
    cursor = found.next_cursor;
    if (!cursor) break;
  }
  return { items, hasMore: cursor !== null };
}
