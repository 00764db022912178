/** The report of a week: targets met, missed or unknown, and the figures behind them. It prints, and it saves as CSV. */

import { useState } from "preact/hooks";
import { ApiError } from "../../lib/api/client";
import { download } from "../../lib/api/download";
import type { WeeklyReport } from "../../lib/api/types";
import { formatLocalTime } from "../../lib/format/times";
import { useSlow } from "../../lib/polling/use-live";
import { setParams, useRoute } from "../../lib/route";
import { saveFile } from "../../lib/save-file";
import { now } from "../../lib/time/now";
import { Panel } from "../../ui/panel";
import { When } from "../../ui/state";
import { Figures } from "./figures";
import { Targets } from "./targets";
import { listWeeks } from "./weeks";

const WEEKS = 26;

export function Reports() {
  const week = useRoute().params.get("week") ?? "";
  const path = `/api/reports/weekly${week ? `?${new URLSearchParams({ week })}` : ""}`;
  const live = useSlow<WeeklyReport>(path);
  const report = live.data;
  return (
    <div class="stack report">
      <Panel
        title={report ? `Week ${report.week}` : "Weekly report"}
        kind="wide"
        aside={
          <div class="buttons">
            <button type="button" onClick={() => window.print()} disabled={!report}>
              Print
            </button>
            {report && <SaveCsv week={report.week} />}
          </div>
        }
      >
        <WeekChoice week={week} />
        <When live={live}>
          {(found) => (
            <>
              <p class="quiet">
                {formatLocalTime(found.since)} to {formatLocalTime(found.until)}; weeks begin on Monday in {found.timezone}.
                {!found.is_complete && <strong> The week is not over.</strong>}
                {found.since < found.recorded_since && (
                  <strong> Recorded only since {formatLocalTime(found.recorded_since)}.</strong>
                )}
              </p>
              <Targets report={found} />
            </>
          )}
        </When>
      </Panel>
      {report && <Figures report={report} />}
    </div>
  );
}

function WeekChoice({ week }: { week: string }) {
  const weeks = listWeeks(now(), WEEKS);
  if (week && !weeks.includes(week)) weeks.push(week);
  return (
    <div class="filters">
      <label class="filter">
        Week
        <select value={week} onChange={(event) => setParams({ week: event.currentTarget.value })}>
          <option value="">the last complete one</option>
          {weeks.map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      </label>
    </div>
  );
}

function SaveCsv({ week }: { week: string }) {
  const [problem, setProblem] = useState("");
  const save = async () => {
    setProblem("");
    try {
      const text = await download(`/api/reports/weekly?${new URLSearchParams({ week })}`, "text/csv");
      saveFile(`callwatch-${week}.csv`, text);
    } catch (error) {
      setProblem(error instanceof ApiError ? error.message : String(error));
    }
  };
  return (
    <>
      <button type="button" onClick={() => void save()}>
        CSV
      </button>
      {problem && (
        <span class="problem" role="alert">
          {problem}
        </span>
      )}
    </>
  );
}
