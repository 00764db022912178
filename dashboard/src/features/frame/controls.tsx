/** The controls of the frame: age of the data, time range, refresh, pause, theme, signing out. */

import { signOut } from "../../lib/api/session";
import { formatElapsed, formatLocalTime, formatUtcTime } from "../../lib/format/times";
import { refresh, setPaused } from "../../lib/polling/scheduler";
import { usePolling } from "../../lib/polling/use-live";
import { getRange, RANGE_WORDS, RANGES, type Route, setParams } from "../../lib/route";
import { getTheme, switchTheme, useColors } from "../../lib/theme";
import { useNow } from "../../lib/time/use-now";

export function Controls({ route }: { route: Route }) {
  const { isPaused } = usePolling();
  useColors();
  return (
    <div class="controls">
      <DataAge />
      <label class="range">
        <span class="hidden">Time range of the charts</span>
        <select value={getRange(route)} onChange={(event) => setParams({ range: event.currentTarget.value })}>
          {RANGES.map((range) => (
            <option key={range} value={range}>
              {RANGE_WORDS[range]}
            </option>
          ))}
        </select>
      </label>
      <button type="button" aria-label="Refresh" onClick={() => void refresh()}>
        <span aria-hidden="true">↻</span> <span class="long-word">Refresh</span>
      </button>
      <button type="button" aria-label="Pause" aria-pressed={isPaused} onClick={() => setPaused(!isPaused)}>
        <span aria-hidden="true">{isPaused ? "▶" : "❚❚"}</span> <span class="long-word">{isPaused ? "Resume" : "Pause"}</span>
      </button>
      <button type="button" onClick={switchTheme} aria-label={`Theme: ${getTheme()}`}>
        <span aria-hidden="true">{{ dark: "☾", light: "☀", auto: "◐" }[getTheme()]} </span>
        <span class="long-word" aria-hidden="true">
          {getTheme()}
        </span>
      </button>
      <button type="button" onClick={signOut}>
        Sign out
      </button>
    </div>
  );
}

function DataAge() {
  const { at, isPaused } = usePolling();
  const now = useNow(1000);
  if (!at) return <span class="age" />;
  return (
    <span class="age" title={`${formatLocalTime(at)} (${formatUtcTime(at)})`}>
      {isPaused && "paused, "}
      {formatElapsed(at, now)} old
    </span>
  );
}
