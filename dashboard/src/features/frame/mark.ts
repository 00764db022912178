/** What a tab shows of the state: its title and its icon. */

import { useEffect } from "preact/hooks";
import type { StateWord } from "./overall-state";

const COLORS: Record<StateWord, string> = { operational: "2fa866", degraded: "c98a22", outage: "d8433d", unknown: "6b7685" };
const PULSE = "<path d='M2.5 9h3l1.5-5 2.5 8 1.5-5h2.5' fill='none' stroke='white' stroke-width='1.5'/>";

/** Show the state and the number of open incidents in the title and the icon of the tab. */
export function useMark(state: { word: StateWord; shown: string } | null, count: number, view: string): void {
  const { word, shown } = state ?? { word: "unknown" as const, shown: "" };
  useEffect(() => {
    document.title = `${count > 0 ? `(${count}) ` : ""}${[shown, view, "Callwatch"].filter(Boolean).join(" · ")}`;
  }, [shown, count, view]);
  useEffect(() => {
    if (!state) return;
    document.querySelector("link[rel=icon]")?.setAttribute("href", drawIcon(word, count));
  }, [word, count]);
}

/** The icon as an address: the color of the state, and the number of open incidents where there are any. */
export function drawIcon(word: StateWord, count: number): string {
  const text = count > 9 ? "9+" : String(count);
  const number = `<text x='8' y='12' font-size='${text.length > 1 ? 9 : 11}' text-anchor='middle' fill='white' font-family='sans-serif' font-weight='700'>${text}</text>`;
  const drawn = `<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'><rect width='16' height='16' rx='4' fill='#${COLORS[word]}'/>${count > 0 ? number : PULSE}</svg>`;
  return `data:image/svg+xml,${encodeURIComponent(drawn)}`;
}
