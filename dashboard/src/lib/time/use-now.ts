/** One clock for all ages on the page. */

import { useWatch } from "../use-watch";
import { now } from "./now";

interface Ticker {
  watchers: Set<() => void>;
  stop: () => void;
}

const tickers = new Map<number, Ticker>();

/** The current time in ms, updated every `everyMs`; callers with the same interval share one timer. */
export function useNow(everyMs: number): number {
  useWatch((onTick) => watch(everyMs, onTick), everyMs);
  return now();
}

function watch(everyMs: number, watcher: () => void): () => void {
  const ticker = tickers.get(everyMs) ?? startTicker(everyMs);
  ticker.watchers.add(watcher);
  return () => {
    ticker.watchers.delete(watcher);
    if (ticker.watchers.size > 0) return;
    ticker.stop();
    tickers.delete(everyMs);
  };
}

function startTicker(everyMs: number): Ticker {
  const watchers = new Set<() => void>();
  const tick = () => {
    for (const watcher of watchers) watcher();
  };
  const timer = window.setInterval(tick, everyMs);
  // Timers of a hidden tab are late: it must not show an old age when it is seen again.
  document.addEventListener("visibilitychange", tick);
  const stop = () => {
    window.clearInterval(timer);
    document.removeEventListener("visibilitychange", tick);
  };
  const ticker = { watchers, stop };
  tickers.set(everyMs, ticker);
  return ticker;
}
