/** Dark and light: by the system, or as chosen here. */

import { useEffect, useState } from "preact/hooks";

export type Theme = "auto" | "light" | "dark";
const KEY = "callwatch-theme";
const ORDER: Theme[] = ["auto", "light", "dark"];
const watchers = new Set<() => void>();

export function theme(): Theme {
  const kept = localStorage.getItem(KEY) as Theme | null;
  return kept && ORDER.includes(kept) ? kept : "auto";
}

export function nextTheme(): void {
  const next = ORDER[(ORDER.indexOf(theme()) + 1) % ORDER.length] ?? "auto";
  localStorage.setItem(KEY, next);
  applyTheme();
}

export function applyTheme(): void {
  document.documentElement.dataset.theme = theme();
  for (const watcher of watchers) watcher();
}

/** Rises whenever the colours change: by the button, or by the system. */
export function useColours(): number {
  const [count, setCount] = useState(0);
  useEffect(() => {
    const changed = () => setCount((before) => before + 1);
    const system = matchMedia("(prefers-color-scheme: dark)");
    watchers.add(changed);
    system.addEventListener("change", changed);
    return () => {
      watchers.delete(changed);
      system.removeEventListener("change", changed);
    };
  }, []);
  return count;
}
