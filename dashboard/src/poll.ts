/** Live data: what the view shows is asked again every 30 s, and the last good answer stays when the API is away. */

import { useEffect, useState } from "preact/hooks";
import { ApiError, ask } from "./api";
import { now } from "./now";

const FRESH_MS = 2_000;
const RETRY_MS = 5_000;
const IDLE_KEPT = 24;
/** The pace in ms; `?refresh=2` in the address asks for another one, in seconds. */
export const INTERVAL_MS = Math.max(50, Number(new URLSearchParams(location.search).get("refresh") ?? 30) * 1000 || 30_000);

/** What is known of one answer: the last good data and when it came, and why there is no newer. */
export interface Live<T> {
  data: T | undefined;
  at: number;
  error: ApiError | null;
}

interface Entry extends Live<unknown> {
  /** Its key without what narrows it: for people. */
  path: string;
  load: () => Promise<unknown>;
  listeners: Set<() => void>;
  running: Promise<void> | null;
}

export interface PollState {
  isPaused: boolean;
  /** Time of the oldest answer shown; 0 before the first. */
  at: number;
  /** What could not be asked anew, and since when (ms) the page shows old data, where it shows any; null while all is well. */
  stale: { since: number | null; reasons: string[]; isThrottled: boolean } | null;
  /** Grows with every round that ended. */
  rounds: number;
}

const entries = new Map<string, Entry>();
const watchers = new Set<() => void>();
let state: PollState = { isPaused: false, at: 0, stale: null, rounds: 0 };
let timer: number | undefined;
let onSignOut: () => void = () => {};
/** Rises with each sign-out: what was asked before it is not heard any more. */
let session = 0;

/** The answer under `key` (a path, where `load` is left out), asked again with every round while in use. */
export function useLive<T>(key: string, load?: () => Promise<T>): Live<T> {
  const [, rerender] = useState(0);
  useEffect(() => {
    const entry = entryOf(key, load ?? (() => ask(key)));
    const listener = () => rerender((count) => count + 1);
    entry.listeners.add(listener);
    if (now() - entry.at > FRESH_MS) void fetchEntry(entry);
    tell({});
    return () => {
      entry.listeners.delete(listener);
      tell({});
    };
  }, [key]);
  const entry = entries.get(key);
  return { data: entry?.data as T | undefined, at: entry?.at ?? 0, error: entry?.error ?? null };
}

/** What is known under `key`, without asking for it. */
export function known<T>(key: string): Live<T> | undefined {
  return entries.get(key) as Live<T> | undefined;
}

/** Like useLive, but while another key is asked for the first time, the data of the one before stays. */
export function useLiveKept<T>(key: string): Live<T> & { isOld: boolean } {
  const live = useLive<T>(key);
  const [kept, keep] = useState<{ data: T; key: string } | null>(null);
  useEffect(() => {
    if (live.data !== undefined) keep({ data: live.data, key });
  }, [live.data, key]);
  const isOld = live.data === undefined && live.error === null && kept !== null;
  return { ...live, data: isOld ? kept.data : live.data, isOld };
}

/** How the polling is doing, live. */
export function usePolling(): PollState {
  const [, rerender] = useState(0);
  useEffect(() => {
    const watcher = () => rerender((count) => count + 1);
    watchers.add(watcher);
    return () => void watchers.delete(watcher);
  }, []);
  return state;
}

/** Ask everything in use anew, now; after an act once more what was asked before it, and may not know of it. */
export async function refresh(isAfterAct = false): Promise<void> {
  window.clearTimeout(timer);
  await Promise.all(
    inUse().map((entry) => (isAfterAct && entry.running ? entry.running.then(() => fetchEntry(entry)) : fetchEntry(entry))),
  );
  forgetIdle();
  tell({ rounds: state.rounds + 1 });
  schedule();
}

export function setPaused(isPaused: boolean): void {
  tell({ isPaused });
  if (isPaused) window.clearTimeout(timer);
  else void refresh();
}

/** Begin; `signOut` is called when a token is refused. */
export function startPolling(signOut: () => void): void {
  onSignOut = signOut;
  schedule();
}

/** Forget every answer: those who show it ask anew. */
export function forgetAll(): void {
  for (const entry of entries.values()) Object.assign(entry, { data: undefined, at: 0 });
}

/** Stop, and forget everything that was shown. */
export function stopPolling(): void {
  window.clearTimeout(timer);
  timer = undefined;
  session += 1;
  entries.clear();
  tell({ at: 0, stale: null, isPaused: false });
}

document.addEventListener("visibilitychange", () => {
  if (timer === undefined) return;
  if (document.hidden) window.clearTimeout(timer);
  else if (!state.isPaused) void refresh();
});

function entryOf(key: string, load: () => Promise<unknown>): Entry {
  const known = entries.get(key);
  // The latest used stands last, so that the longest unused is forgotten first.
  entries.delete(key);
  const path = key.replace(/[?#].*/, "");
  const entry = known ?? { path, data: undefined, at: 0, error: null, load, listeners: new Set(), running: null };
  entry.load = load;
  entries.set(key, entry);
  return entry;
}

function inUse(): Entry[] {
  return [...entries.values()].filter((entry) => entry.listeners.size > 0);
}

function fetchEntry(entry: Entry): Promise<void> {
  const began = session;
  entry.running ??= entry
    .load()
    .then(
      (data) => Object.assign(entry, { data, at: now(), error: null }),
      (error: unknown) => {
        entry.error = error instanceof ApiError ? error : new ApiError(0, String(error));
      },
    )
    .then(() => {
      entry.running = null;
      if (began !== session) return;
      if (entry.error?.status === 401) return onSignOut();
      for (const listener of entry.listeners) listener();
      tell({});
    });
  return entry.running;
}

function schedule(): void {
  window.clearTimeout(timer);
  // A page that lost the API looks for it more often, so that it comes back soon; but not where it asks too often.
  const delay = state.stale && !state.stale.isThrottled ? Math.min(INTERVAL_MS, RETRY_MS) : INTERVAL_MS;
  timer = window.setTimeout(() => void refresh(), delay);
  if (state.isPaused || document.hidden) window.clearTimeout(timer);
}

function forgetIdle(): void {
  const idle = [...entries].filter(([, entry]) => entry.listeners.size === 0);
  for (const [key] of idle.slice(0, Math.max(0, idle.length - IDLE_KEPT))) entries.delete(key);
}

function tell(changed: Partial<PollState>): void {
  const used = inUse();
  const times = used.filter((entry) => entry.at > 0).map((entry) => entry.at);
  const failed = used.filter((entry) => entry.error && entry.error.status !== 404);
  const isWhole = failed.length === used.length;
  const old = failed.filter((entry) => entry.at > 0);
  const since = old.length ? Math.min(...old.map((entry) => entry.at)) : null;
  const isThrottled = failed.some((entry) => entry.error?.status === 429);
  const reasons = [...new Set(failed.map((entry) => entry.error?.message ?? ""))].map((reason) => {
    const paths = failed.filter((entry) => entry.error?.message === reason).map((entry) => entry.path);
    return isWhole ? reason : `${reason} (${[...new Set(paths)].join(", ")})`;
  });
  const stale = failed.length ? { since, reasons, isThrottled } : null;
  state = { ...state, at: times.length ? Math.min(...times) : 0, stale, ...changed };
  for (const watcher of watchers) watcher();
}
