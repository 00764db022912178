"""The product's jobs: those that send check-ins, and those whose heartbeats stand in the product's own table."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from callwatch.crons.monitors import Monitor, read_monitors
from callwatch.db.core.connect import AnyConnection
from callwatch.models.reason import Reason
from callwatch.pipeline.crons import HEARTBEATS, NEVER, Cron, list_crons
from callwatch.pipeline.queries.described import Heartbeats
from callwatch.pipeline.queries.query_runner import Measured
from callwatch.pipeline.stage_file import get_stages
from callwatch.reports.product import read_product
from callwatch.settings import Settings

if TYPE_CHECKING:
    from callwatch.models.shapes.pipeline import CronJob, CronState

_NO_SCHEDULE = Reason("not_recorded", "no check-in named a schedule, so it cannot be missed")
_NOT_FINISHED = Reason("none", "no run has ended yet")
_NO_DURATION = Reason("not_recorded", "its check-ins tell neither when it began nor how long it took")
_NO_HEARTBEAT_DURATION = Reason("not_recorded", "a heartbeat does not tell how long the job took")
_NO_ZONE = Reason("none", "its period is the same in every time zone")
_FINE = Reason("none", "nothing is wrong with it")
_NO_PROJECT = Reason("none", "a job of the product's own table has no project and no environment")
_NEVER_DUE = Reason("none", "its schedule is not due again")


def list_check_in_jobs(conn: AnyConnection, as_of: datetime | None) -> list[CronJob]:
    """The jobs that send check-ins. as_of: the time up to which check-ins are stored; None if the monitor never ran."""
    return [_describe_monitor(monitor) for monitor in read_monitors(conn, as_of)] if as_of is not None else []


def list_product_jobs(settings: Settings, now: datetime) -> list[CronJob]:
    """The jobs of the stage file with their heartbeats; all are unknown if the product's database does not respond."""
    given = get_stages(settings.stages_file).parts.get("heartbeats")
    if not given:
        return []
    measured = read_product(settings, now, lambda name: name == HEARTBEATS)
    return list(_describe_crons(given, measured))


def _describe_monitor(monitor: Monitor) -> CronJob:
    verdict, job = monitor.verdict, monitor.job
    why_no_next = _NO_SCHEDULE if job.schedule is None else _NEVER_DUE
    if verdict.schedule_error is not None:
        why_no_next = Reason("unavailable", f"the schedule cannot be used: {verdict.schedule_error}")
    given: dict[str, tuple[Any, Reason]] = {
        "schedule": (monitor.schedule_text, _NO_SCHEDULE),
        "timezone": (job.schedule.timezone if job.schedule else None, why_no_next),
        "problem": (verdict.problem or verdict.schedule_error, _FINE),
        "last_at": (verdict.last_at, NEVER),
        "next_at": (verdict.next_at, why_no_next),
        "duration_s": (verdict.duration_s, _NOT_FINISHED if verdict.state == "running" else _NO_DURATION),
    }
    found: CronJob = {
        "slug": monitor.slug,
        "schedule": monitor.schedule_text,
        "timezone": given["timezone"][0],
        "state": verdict.state,
        "problem": given["problem"][0],
        "last_at": verdict.last_at,
        "next_at": verdict.next_at,
        "duration_s": verdict.duration_s,
        "source": "check_in",
        "project_id": monitor.project_id,
        "environment": monitor.environment,
        "unknown": {name: why for name, (value, why) in given.items() if value is None},
    }
    return found


def _describe_crons(given: Heartbeats, measured: Measured) -> Iterator[CronJob]:
    is_read = HEARTBEATS in measured.rows
    for cron in list_crons(given, measured):
        why = (cron.unknown or NEVER) if is_read else measured.explain_unknown(HEARTBEATS)
        problem = _find_problem(cron)
        reasons = {
            "timezone": _NO_ZONE,
            "duration_s": _NO_HEARTBEAT_DURATION,
            "project_id": _NO_PROJECT,
            "environment": _NO_PROJECT,
            **({} if problem else {"problem": (cron.unsaid or _FINE) if cron.last_ok_at else why}),
            **({} if cron.last_ok_at else {"last_at": why, "next_at": why}),
        }
        yield {
            "slug": cron.name,
            "schedule": f"every {_describe_period(cron.period_s)}",
            "timezone": None,
            "state": _find_state(cron),
            "problem": problem,
            "last_at": cron.last_ok_at,
            "next_at": None if cron.last_ok_at is None else cron.last_ok_at + timedelta(seconds=cron.period_s),
            "duration_s": None,
            "source": "product",
            "project_id": None,
            "environment": None,
            "unknown": reasons,
        }


def _find_state(cron: Cron) -> CronState:
    if cron.is_late is None:
        return "unknown"
    # Its rule (cron_late) fires after two periods without a success: to its reader that job was missed.
    on_time: CronState = "failed" if cron.said == "refused" else "unknown" if cron.unsaid else "ok"
    return "missed" if cron.is_late else on_time


def _find_problem(cron: Cron) -> str | None:
    if cron.is_late:
        return "the last success is older than two periods"
    return "the job runs, and is refused" if cron.said == "refused" else None


def _describe_period(seconds: float) -> str:
    for name, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= length and seconds % length == 0:
            count = seconds / length
            return name if count == 1 else f"{count:.0f} {name}s"
    return f"{seconds:g} seconds"
