/** Dark and light theme: from the system, or as chosen here. */

import { useWatch } from "./use-watch";

export type Theme = "auto" | "light" | "dark";
const KEY = "callwatch-theme";
const ORDER: Theme[] = ["auto", "light", "dark"];
const watchers = new Set<() => void>();

export function getTheme(): Theme {
  const kept = localStorage.getItem(KEY) as Theme | null;
  return kept && ORDER.includes(kept) ? kept : "auto";
}

export function switchTheme(): void {
  const next = ORDER[(ORDER.indexOf(getTheme()) + 1) % ORDER.length] ?? "auto";
  localStorage.setItem(KEY, next);
  applyTheme();
}

export function applyTheme(): void {
  document.documentElement.dataset.theme = getTheme();
  for (const watcher of watchers) watcher();
}

/** Grows whenever the theme changes, by the button or by the system. */
export function useColors(): number {
  return useWatch((onChange) => {
    const system = matchMedia("(prefers-color-scheme: dark)");
    watchers.add(onChange);
    system.addEventListener("change", onChange);
    return () => {
      watchers.delete(onChange);
      system.removeEventListener("change", onChange);
    };
  });
}
