/** The last good response of each request, who shows it, and why there is no newer one. */

import { ApiError } from "../api/client";
import { forgetResponses } from "../api/etags";
import { now } from "../time/now";

const FRESH_MS = 2_000;
const SLOW_FRESH_MS = 60_000;
const IDLE_KEPT = 24;

/** The last good data of one request, when it arrived (ms), and why there is no newer data. */
export interface Live<T> {
  data: T | undefined;
  at: number;
  error: ApiError | null;
}

export interface Entry extends Live<unknown> {
  /** The key without query and fragment, for people. */
  path: string;
  load: () => Promise<unknown>;
  /** Whether it changes slowly, and is not requested in every round. */
  isSlow: boolean;
  listeners: Set<() => void>;
  running: Promise<void> | null;
}

const entries = new Map<string, Entry>();
const watchers = new Set<() => void>();

/** Show the response for `key` from now on: request it unless it is fresh, and call `listener` when one arrives. */
export function subscribe(key: string, load: () => Promise<unknown>, listener: () => void, isSlow = false): () => void {
  const entry = takeEntry(key, load, isSlow);
  entry.listeners.add(listener);
  if (now() - entry.at > (isSlow ? SLOW_FRESH_MS : FRESH_MS)) void fetchEntry(entry);
  notify();
  return () => {
    entry.listeners.delete(listener);
    notify();
  };
}

/** The stored response for `key`, without a request. */
export function peek<T>(key: string): Live<T> | undefined {
  return entries.get(key) as Live<T> | undefined;
}

/** The entries that something on the page shows. */
export function listUsed(): Entry[] {
  return [...entries.values()].filter((entry) => entry.listeners.size > 0);
}

/**
 * Request what is in use; what changes slowly only if its data is `slowMs` old, or failed.
 * After an action, repeat requests that started before it: they may not show its effect.
 */
export async function fetchUsed(isAfterAction: boolean, slowMs: number): Promise<void> {
  const due = listUsed().filter(({ isSlow, at, error }) => !isSlow || error !== null || now() - at >= slowMs);
  await Promise.all(
    due.map((entry) => (isAfterAction && entry.running ? entry.running.then(() => fetchEntry(entry)) : fetchEntry(entry))),
  );
  forgetIdle();
}

/** Forget every response: views that use one request it again. */
export function forgetData(): void {
  for (const entry of entries.values()) Object.assign(entry, { data: undefined, at: 0 });
}

/** Forget everything; responses that arrive later are ignored. */
export function clear(): void {
  for (const entry of entries.values()) entry.listeners.clear();
  entries.clear();
  forgetResponses();
  notify();
}

/** Call `watcher` whenever a response or an error arrives, or something else is in use. */
export function watchStore(watcher: () => void): () => void {
  watchers.add(watcher);
  return () => void watchers.delete(watcher);
}

function takeEntry(key: string, load: () => Promise<unknown>, isSlow: boolean): Entry {
  const path = key.replace(/[?#].*/, "");
  const made = { path, data: undefined, at: 0, error: null, load, isSlow, listeners: new Set<() => void>(), running: null };
  const entry: Entry = entries.get(key) ?? made;
  // The most recently used entry stands last, so that the least recently used is forgotten first.
  entries.delete(key);
  entries.set(key, entry);
  entry.load = load;
  return entry;
}

function fetchEntry(entry: Entry): Promise<void> {
  entry.running ??= entry
    .load()
    .then(
      (data) => Object.assign(entry, { data, at: now(), error: null }),
      (error: unknown) => Object.assign(entry, { error: error instanceof ApiError ? error : new ApiError(0, String(error)) }),
    )
    .then(() => {
      entry.running = null;
      for (const listener of entry.listeners) listener();
      notify();
    });
  return entry.running;
}

function forgetIdle(): void {
  const idle = [...entries].filter(([, entry]) => entry.listeners.size === 0);
  for (const [key] of idle.slice(0, Math.max(0, idle.length - IDLE_KEPT))) entries.delete(key);
}

function notify(): void {
  for (const watcher of watchers) watcher();
}
