/** Live data in components. */

import { useEffect, useState } from "preact/hooks";
import { request } from "../api/client";
import { useWatch } from "../use-watch";
import { getPollState, type PollState, watchPolling } from "./scheduler";
import { type Live, peek, subscribe } from "./store";

export type { Live } from "./store";

/** The response for `key` (a path, unless `load` is given), requested with every round while in use. */
export function useLive<T>(key: string, load?: () => Promise<T>, isSlow = false): Live<T> {
  useWatch((onChange) => subscribe(key, load ?? (() => request(key)), onChange, isSlow), key);
  const entry = peek<T>(key);
  return { data: entry?.data, at: entry?.at ?? 0, error: entry?.error ?? null };
}

/** Like useLive, for what changes slowly: it is requested every tenth round. */
export function useSlow<T>(key: string, load?: () => Promise<T>): Live<T> {
  return useLive<T>(key, load, true);
}

/** Like useSlow, but keeps the data of the previous key until the first response for a new one. */
export function useSlowKept<T>(key: string): Live<T> & { isOld: boolean } {
  const live = useSlow<T>(key);
  const [kept, keep] = useState<{ data: T; key: string } | null>(null);
  useEffect(() => {
    if (live.data !== undefined) keep({ data: live.data, key });
  }, [live.data, key]);
  const isOld = live.data === undefined && live.error === null && kept !== null;
  return { ...live, data: isOld ? kept.data : live.data, isOld };
}

/** The state of polling, live. */
export function usePolling(): PollState {
  useWatch(watchPolling);
  return getPollState();
}
