/** The controls of the frame: time range, refresh, pause, theme, signing out. */

import { hasSession, signOut } from "../../lib/api/session";
import { useOverview } from "../../lib/overview";
import { refresh, setPaused } from "../../lib/polling/scheduler";
import { usePolling } from "../../lib/polling/use-live";
import { getRange, RANGE_WORDS, RANGES, type Route, setParams } from "../../lib/route";
import { getTheme, switchTheme, useColors } from "../../lib/theme";
import { Action } from "../../ui/dialog";
import { SearchButton } from "./search-button";

export function Controls({ route }: { route: Route }) {
  const { isPaused } = usePolling();
  const caller = useOverview().data?.caller;
  useColors();
  return (
    <div class="controls">
      <SearchButton />
      <label class="range">
        <span class="hidden">Time range of the charts</span>
        <select value={getRange(route)} onChange={(event) => setParams({ range: event.currentTarget.value, from: "", to: "" })}>
          {RANGES.map((range) => (
            <option key={range} value={range}>
              {RANGE_WORDS[range]}
            </option>
          ))}
        </select>
      </label>
      <button
        type="button"
        class="icon optional"
        aria-label="Compare with yesterday"
        aria-pressed={route.params.get("before") === "1d"}
        title="Compare the charts with the day before"
        onClick={() => setParams({ before: route.params.get("before") ? "" : "1d" })}
      >
        <span aria-hidden="true">⇄</span>
      </button>
      <button type="button" class="icon optional" aria-label="Refresh" title="Refresh" onClick={() => void refresh()}>
        <span aria-hidden="true">↻</span>
      </button>
      <button
        type="button"
        class="icon optional"
        aria-label="Pause"
        title={isPaused ? "Resume" : "Pause"}
        aria-pressed={isPaused}
        onClick={() => setPaused(!isPaused)}
      >
        <span aria-hidden="true">{isPaused ? "▶" : "❚❚"}</span>
      </button>
      <button
        type="button"
        class="icon optional"
        onClick={switchTheme}
        aria-label={`Theme: ${getTheme()}`}
        title={`Theme: ${getTheme()}`}
      >
        <span aria-hidden="true">{{ dark: "☾", light: "☀", auto: "◐" }[getTheme()]}</span>
      </button>
      {caller && (
        <span class="quiet optional role" title={`Signed in as ${caller.actor}`}>
          {caller.role}
        </span>
      )}
      {hasSession() ? (
        <Action
          label="Sign out"
          title="Sign out"
          needsReason={false}
          fields={
            <>
              <p>
                Signed in as <b>{caller?.actor ?? "unknown"}</b> ({caller?.role ?? "unknown"}) in all tabs of this browser.
              </p>
              <label class="mark">
                <input type="checkbox" name="everywhere" /> Also everywhere else where this token signed in
              </label>
            </>
          }
          act={async (_reason, form) => (await import("../../lib/api/exchange")).closeSession(form.has("everywhere"))}
        />
      ) : (
        <button type="button" onClick={signOut} title={caller ? `Signed in as ${caller.actor} (${caller.role})` : undefined}>
          Sign out
        </button>
      )}
    </div>
  );
}
