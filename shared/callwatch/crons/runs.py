"""Puts the check-ins of a job together into runs, by their own times: the order of their arrival does not matter. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

Status = Literal["in_progress", "ok", "error"]
STATUSES: tuple[Status, ...] = ("in_progress", "ok", "error")


@dataclass(frozen=True, slots=True)
class CheckIn:
    """One check-in; run_id: of its run, None if its sender named none."""

    at: datetime
    status: Status
    run_id: str | None = None
    duration_s: float | None = None


@dataclass(slots=True)
class Run:
    """One run of a job. seen_at: its last check-in. finished_at: None while it runs, or if its end was never reported."""

    started_at: datetime
    seen_at: datetime
    status: Status
    finished_at: datetime | None = None
    duration_s: float | None = None


def build_runs(check_ins: Iterable[CheckIn]) -> list[Run]:
    """The runs behind these check-ins, the first to start comes first."""
    by_id: dict[str, Run] = {}
    runs: list[Run] = []
    for each in sorted(check_ins, key=lambda found: (found.at, STATUSES.index(found.status))):
        known = by_id.get(each.run_id) if each.run_id else _find_open(runs, each)
        if known is None:
            known = Run(_find_start(each), each.at, "in_progress")
            runs.append(known)
            if each.run_id:
                by_id[each.run_id] = known
        _add(known, each)
    return sorted(runs, key=lambda run: run.started_at)


def _find_open(runs: list[Run], each: CheckIn) -> Run | None:
    """The run that an end without an id belongs to: the last one, while it runs."""
    is_end = each.status != "in_progress"
    return runs[-1] if is_end and runs and runs[-1].finished_at is None else None


def _find_start(each: CheckIn) -> datetime:
    if each.status == "in_progress" or not each.duration_s:
        return each.at
    try:
        return each.at - timedelta(seconds=each.duration_s)
    except OverflowError:
        return each.at


def _add(run: Run, each: CheckIn) -> None:
    run.seen_at = each.at
    if each.status == "in_progress":
        # Of a run that has ended it is a late repetition.
        return
    is_timed = run.finished_at is not None or run.started_at != each.at
    run.status, run.finished_at = each.status, each.at
    if each.duration_s is not None:
        run.duration_s = each.duration_s
    elif is_timed:
        run.duration_s = (each.at - run.started_at).total_seconds()
