"""Reads the monitors and judges each: shared by the samples of the rules and by the response."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from callwatch.crons.runs import CheckIn, Status, build_runs
from callwatch.crons.schedule import Schedule
from callwatch.crons.verdict import MARGIN_S, MAX_RUNTIME_S, MAX_THRESHOLD, Job, Verdict, judge
from callwatch.db.core.connect import AnyConnection
from callwatch.db.queries.check_ins import CheckInRow, MonitorRow, list_monitors, list_newest_check_ins

_MAX_S = 366 * 86_400
_STATUSES: Mapping[str, Status] = {"in_progress": "in_progress", "ok": "ok", "error": "error"}


@dataclass(frozen=True, slots=True)
class Monitor:
    """A monitor with its verdict; schedule_text: as people read it, None if it was never told."""

    slug: str
    environment: str
    project_id: int
    job: Job
    schedule_text: str | None
    verdict: Verdict


def read_monitors(conn: AnyConnection, now: datetime) -> list[Monitor]:
    """Every monitor, judged by the check-ins that are stored. now: the time up to which all are stored."""
    rows = list_monitors(conn)
    newest = list_newest_check_ins(conn, [row["id"] for row in rows])
    return [_judge(row, newest.get(row["id"], []), now) for row in rows]


def _judge(row: MonitorRow, check_ins: list[CheckInRow], now: datetime) -> Monitor:
    """Judge one monitor. Whatever its row holds, it costs no other monitor its verdict."""
    try:
        return _judge_row(row, check_ins, now)
    except Exception as error:
        verdict = Verdict("unknown", schedule_error=f"the monitor cannot be judged ({type(error).__name__})")
        return Monitor(row["slug"], row["environment"], row["project_id"], Job(), None, verdict)


def _judge_row(row: MonitorRow, check_ins: list[CheckInRow], now: datetime) -> Monitor:
    job, text = load_job(row["config"] or {}, row["schedule_since"])
    found = [CheckIn(each["at"], _STATUSES[each["status"]], each["run_id"], each["duration_s"]) for each in check_ins]
    return Monitor(row["slug"], row["environment"], row["project_id"], job, text, judge(job, build_runs(found), now))


def load_job(config: Mapping[str, object], schedule_since: datetime | None) -> tuple[Job, str | None]:
    """The stored configuration as a job, and its schedule as text; Raises what an odd value makes it raise."""
    given = config.get("schedule")
    schedule: Schedule | None = None
    error: str | None = None
    text: str | None = None
    if isinstance(given, dict):
        text = str(given.get("text") or "") or None
        if given.get("error") or text is None:
            error = str(given.get("error") or "the schedule cannot be read")
        else:
            schedule = Schedule(text, str(given.get("timezone") or "UTC"), int(given.get("count") or 0), given.get("unit"))
    job = Job(
        schedule=schedule,
        schedule_error=error,
        schedule_since=schedule_since,
        margin_s=_read_number(config, "margin_s", MARGIN_S),
        max_runtime_s=_read_number(config, "max_runtime_s", MAX_RUNTIME_S),
        failure_threshold=int(max(1, min(_read_number(config, "failure_threshold", 1), MAX_THRESHOLD))),
        recovery_threshold=int(max(1, min(_read_number(config, "recovery_threshold", 1), MAX_THRESHOLD))),
    )
    return job, text


def _read_number(config: Mapping[str, object], name: str, default: float) -> float:
    value = config.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= _MAX_S:
        return default
    return float(value)
