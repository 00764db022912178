/** When the page requests again: every 30 s (slow data every 5 min), sooner while the API fails, not while paused or hidden. */

import { type Freshness, measureFreshness } from "./freshness";
import { clear, fetchUsed, listUsed, watchStore } from "./store";

const DEFAULT_S = 30;
const MIN_MS = 50;
const RETRY_MS = 5_000;
/** What changes slowly is requested every tenth round. */
const SLOW_ROUNDS = 10;

export interface PollState extends Freshness {
  isPaused: boolean;
  /** The number of completed rounds. */
  rounds: number;
}

const watchers = new Set<() => void>();
let state: PollState = { ...measureFreshness([]), isPaused: false, rounds: 0 };
let timer: number | undefined;
let isStarted = false;
let isInBackground = false;

watchStore(() => publish({}));

/** The polling interval in ms that an address asks for: `?refresh=2` is in seconds. */
export function readInterval(search: string): number {
  const given = Number(new URLSearchParams(search).get("refresh") ?? DEFAULT_S);
  return Math.max(MIN_MS, given * 1000 || DEFAULT_S * 1000);
}

export function startPolling(): void {
  isStarted = true;
  document.addEventListener("visibilitychange", followVisibility);
  schedule();
}

/** Stop polling and forget all data. */
export function stopPolling(): void {
  isStarted = false;
  document.removeEventListener("visibilitychange", followVisibility);
  window.clearTimeout(timer);
  publish({ isPaused: false });
  clear();
}

/** Request everything in use now, slow data too, and start the interval again. */
export async function refresh(): Promise<void> {
  await fetchRound(false, 0);
}

/** Show the effect of an action. */
export async function refreshAfterAction(): Promise<void> {
  await fetchRound(true, Number.POSITIVE_INFINITY);
}

async function fetchNextRound(): Promise<void> {
  const intervalMs = readInterval(location.search);
  // Timers are inexact: without the tolerance, slow data would wait for another round.
  await fetchRound(false, (SLOW_ROUNDS - 0.5) * intervalMs);
}

async function fetchRound(isAfterAction: boolean, slowMs: number): Promise<void> {
  window.clearTimeout(timer);
  await fetchUsed(isAfterAction, slowMs);
  publish({ rounds: state.rounds + 1 });
  schedule();
}

export function setPaused(isPaused: boolean): void {
  publish({ isPaused });
  if (isPaused) window.clearTimeout(timer);
  else void fetchNextRound();
}

export function getPollState(): PollState {
  return state;
}

export function watchPolling(watcher: () => void): () => void {
  watchers.add(watcher);
  return () => void watchers.delete(watcher);
}

/** Whether a hidden tab polls, too: somebody waits for its notifications. */
export function pollInBackground(isOn: boolean): void {
  isInBackground = isOn;
  schedule();
}

function mustRest(): boolean {
  return document.hidden && !isInBackground;
}

function followVisibility(): void {
  if (mustRest()) window.clearTimeout(timer);
  else if (!state.isPaused) void fetchNextRound();
}

function schedule(): void {
  window.clearTimeout(timer);
  if (!isStarted || state.isPaused || mustRest()) return;
  const intervalMs = readInterval(location.search);
  // While the API fails, poll more often to recover soon; but not while it throttles.
  const isRetrying = state.failures.length > 0 && !state.isThrottled;
  timer = window.setTimeout(() => void fetchNextRound(), isRetrying ? Math.min(intervalMs, RETRY_MS) : intervalMs);
}

function publish(changed: Partial<Pick<PollState, "isPaused" | "rounds">>): void {
  state = { ...state, ...measureFreshness(listUsed()), ...changed };
  for (const watcher of watchers) watcher();
}
