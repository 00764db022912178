"""Judges a job by its runs and its schedule at a time: missed, failed, too long, or as it should be. Pure."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from callwatch.crons.runs import Run
from callwatch.crons.schedule import InvalidSchedule, Schedule, find_next
from callwatch.models.shapes.pipeline import CronState

Kind = Literal["missed", "failed", "overrun"]
KINDS: tuple[Kind, ...] = ("missed", "failed", "overrun")
# Sentry's defaults.
MARGIN_S, MAX_RUNTIME_S = 60.0, 1_800.0
MAX_THRESHOLD = 20
# A run that began just before it was due, by a clock that is slightly wrong, is the one that was due.
_EARLY_S = 30


@dataclass(frozen=True, slots=True)
class Job:
    """What a job should do. schedule: None if its check-ins brought none. schedule_error: why it cannot be used.

    schedule_since: since when it has this schedule.
    """

    schedule: Schedule | None = None
    schedule_error: str | None = None
    schedule_since: datetime | None = None
    margin_s: float = MARGIN_S
    max_runtime_s: float = MAX_RUNTIME_S
    failure_threshold: int = 1
    recovery_threshold: int = 1


@dataclass(frozen=True, slots=True)
class Verdict:
    """The state of a job now, and whether it has failed often enough to alert.

    kind, count, since: the last failure, how many came in a row, and when the first of them became known; of a job that fails.
    """

    state: CronState
    problem: str | None = None
    last_at: datetime | None = None
    next_at: datetime | None = None
    duration_s: float | None = None
    is_failing: bool = False
    kind: Kind | None = None
    count: int = 0
    since: datetime | None = None
    schedule_error: str | None = None


@dataclass(frozen=True, slots=True)
class _Result:
    """A success or a failure, and when it became known. due_at: of what was missed."""

    at: datetime
    kind: Kind | None
    due_at: datetime | None = None


def judge(job: Job, runs: Sequence[Run], now: datetime) -> Verdict:
    """Judge a job by its runs, the first to start comes first; `now` is the time up to which its check-ins are known."""
    if not runs:
        return Verdict("unknown")
    error = job.schedule_error
    due_at: datetime | None = None
    missed: list[_Result] = []
    try:
        due_at, missed = _find_due(job, runs[-1], now)
        if max(job.failure_threshold, job.recovery_threshold) > 1:
            missed += _list_gaps(job, runs)
    except InvalidSchedule as invalid:
        error = str(invalid)
    results = sorted([*_list_results(job, runs, now), *missed], key=lambda result: result.at)
    state = _find_state(runs[-1], results, due_at, job, now)
    failed = _list_last_failures(results)
    is_failing = _is_failing(results, job)
    in_a_row = len(failed) if results and results[-1].kind is not None else 0
    return Verdict(
        state="unknown" if error is not None and state == "ok" else state,
        problem=_describe(failed[-1], job, runs[-1], now) if in_a_row else None,
        last_at=max(run.seen_at for run in runs),
        next_at=due_at,
        duration_s=next((run.duration_s for run in reversed(runs) if run.finished_at is not None), None),
        is_failing=is_failing,
        kind=failed[-1].kind if failed else None,
        count=in_a_row,
        since=failed[0].at if failed else None,
        schedule_error=error,
    )


def _list_results(job: Job, runs: Sequence[Run], now: datetime) -> Iterator[_Result]:
    for run in runs:
        if run.finished_at is not None:
            yield _Result(run.finished_at, "failed" if run.status == "error" else None)
        elif _find_deadline(run, job) < now:
            yield _Result(_find_deadline(run, job), "overrun")


def _find_deadline(run: Run, job: Job) -> datetime:
    return run.seen_at + timedelta(seconds=job.max_runtime_s)


def _find_due(job: Job, last: Run, now: datetime) -> tuple[datetime | None, list[_Result]]:
    """The first time that is not missed yet, and what was missed since the last run.

    Nothing is missed while a run may still take its time; a run that takes too long is followed by what is missed after it.
    """
    if job.schedule is None:
        return None, []
    ended_at = last.finished_at or _find_deadline(last, job)
    if last.finished_at is None and ended_at >= now:
        return find_next(job.schedule, max(now, last.started_at)), []
    margin = timedelta(seconds=job.margin_s)
    due_at = _find_next(job.schedule, last)
    if due_at is not None and due_at <= ended_at:
        due_at = find_next(job.schedule, ended_at)
    missed: list[_Result] = []
    while due_at is not None and due_at + margin <= now:
        missed.append(_Result(due_at + margin, "missed", due_at))
        # What is missed beyond that changes nothing.
        is_enough = len(missed) >= MAX_THRESHOLD
        due_at = find_next(job.schedule, max(due_at, now - margin) if is_enough else due_at)
    return due_at, missed


def _list_gaps(job: Job, runs: Sequence[Run]) -> list[_Result]:
    """What was missed between two runs, at most as much as a threshold can count."""
    found: list[_Result] = []
    if job.schedule is None:
        return found
    margin = timedelta(seconds=job.margin_s)
    # Older gaps could only complete a streak that newer runs have long interrupted.
    newest = runs[-2 * (job.failure_threshold + job.recovery_threshold) - 1 :]
    for before, after in itertools.pairwise(newest):
        if job.schedule_since is not None and before.started_at < job.schedule_since:
            continue
        begins = before.finished_at or before.started_at
        due_at = _find_next(job.schedule, before)
        for _step in range(MAX_THRESHOLD):
            if due_at is None or due_at + margin > after.started_at:
                break
            if due_at > begins:
                found.append(_Result(due_at + margin, "missed", due_at))
            due_at = find_next(job.schedule, due_at)
    return found


def _find_next(schedule: Schedule, run: Run) -> datetime | None:
    """When the run after this one is due."""
    due_at = find_next(schedule, run.started_at)
    if due_at is None or schedule.unit is not None or (due_at - run.started_at).total_seconds() > _EARLY_S:
        return due_at
    following = find_next(schedule, due_at)
    # Jobs of a minute and less have no room for a tolerance.
    is_roomy = following is not None and (following - due_at).total_seconds() > 2 * _EARLY_S
    return following if is_roomy else due_at


def _find_state(last: Run, results: Sequence[_Result], due_at: datetime | None, job: Job, now: datetime) -> CronState:
    if last.finished_at is None and _find_deadline(last, job) >= now:
        return "running"
    kind = results[-1].kind
    if kind is not None:
        return "missed" if kind == "missed" else "failed"
    return "late" if due_at is not None and due_at < now else "ok"


def _list_last_failures(results: Sequence[_Result]) -> list[_Result]:
    """The last failures in a row, whether successes follow or not."""
    failed: list[_Result] = []
    for result in reversed(results):
        if result.kind is not None:
            failed.append(result)
        elif failed:
            break
    return failed[::-1]


def _is_failing(results: Sequence[_Result], job: Job) -> bool:
    """Whether the last streak that reached its threshold was one of failures."""
    streak, was_failure = 0, None
    for result in reversed(results):
        is_failure = result.kind is not None
        streak = streak + 1 if is_failure == was_failure else 1
        was_failure = is_failure
        if streak >= (job.failure_threshold if is_failure else job.recovery_threshold):
            return is_failure
    return False


def _describe(failure: _Result, job: Job, last: Run, now: datetime) -> str:
    if failure.kind == "missed" and failure.due_at is not None:
        return f"no check-in for {failure.due_at:%Y-%m-%d %H:%M} UTC; the last one came {last.seen_at:%Y-%m-%d %H:%M} UTC"
    if failure.kind == "overrun":
        return (
            f"runs for {_format_span(now - last.started_at)}, and may take {_format_span(timedelta(seconds=job.max_runtime_s))}"
        )
    return f"the run of {last.started_at:%Y-%m-%d %H:%M} UTC reported an error"


def _format_span(span: timedelta) -> str:
    minutes = span.total_seconds() / 60
    return f"{minutes / 60:.1f} h" if minutes >= 90 else f"{minutes:.3g} min"
