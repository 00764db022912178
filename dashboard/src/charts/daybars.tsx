/** Ninety days of a service as bars: one tab stop, arrow keys move between days. */

import { useRef, useState } from "preact/hooks";
import type { UptimeDay } from "../lib/api/types";
import { formatPercent } from "../lib/format/numbers";
import { formatDay } from "../lib/format/times";

/** "Aug 22 2026: 75 % uptime" */
export function nameDay(day: UptimeDay): string {
  return `${formatDay(day.date)}: ${day.uptime === null ? (day.watched ? "too few probes" : day.maintenance ? "maintenance" : "not checked") : `${formatPercent(day.uptime)} uptime`}`;
}

const STEPS: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, ArrowDown: -7, ArrowUp: 7, Home: -1000, End: 1000 };

export function DayBars({ name, days }: { name: string; days: UptimeDay[] }) {
  const group = useRef<HTMLDivElement>(null);
  const [current, setCurrent] = useState(days.length - 1);
  const [shown, setShown] = useState<number | null>(null);
  const move = (event: KeyboardEvent) => {
    const step = STEPS[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const next = Math.max(0, Math.min(days.length - 1, current + step));
    setCurrent(next);
    (group.current?.children[next] as HTMLElement | undefined)?.focus();
  };
  const focus = (index: number) => {
    setCurrent(index);
    setShown(index);
  };
  const day = shown === null ? undefined : days[shown];
  return (
    <div class="days">
      <div
        class="day-bars"
        role="group"
        aria-label={`${name}, last ${days.length} days`}
        ref={group}
        onKeyDown={move}
        onMouseLeave={() => setShown(null)}
      >
        {days.map((one, index) => (
          <span
            key={one.date}
            class={`day ${one.status}`}
            role="img"
            aria-label={nameDay(one)}
            tabIndex={index === current ? 0 : -1}
            onFocus={() => focus(index)}
            onBlur={() => setShown(null)}
            onMouseEnter={() => setShown(index)}
          />
        ))}
      </div>
      <p class="day-name" aria-hidden="true">
        {day ? nameDay(day) : `${days.length} days ago – today (UTC)`}
      </p>
    </div>
  );
}
