"""Judging a job by its check-ins: in any order of arrival, with thresholds, margins and runs that never end."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callwatch.crons.runs import CheckIn, Status, build_runs
from callwatch.crons.schedule import Schedule, parse_schedule
from callwatch.crons.verdict import Job, Verdict, judge

START = datetime(2026, 5, 4, 10, 0, tzinfo=UTC)
EACH_TEN_MINUTES = parse_schedule("crontab", "*/10 * * * *", None, None)


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def check_in(minutes: float, status: Status, run_id: str | None = None, duration_s: float | None = None) -> CheckIn:
    return CheckIn(at(minutes), status, run_id, duration_s)


def verdict(check_ins: list[CheckIn], now: float, **job: Any) -> Verdict:
    given = Job(**{"schedule": EACH_TEN_MINUTES, **job})
    found = judge(given, build_runs(check_ins), at(now))
    shuffled = random.Random(7).sample(check_ins, len(check_ins))
    assert judge(given, build_runs(shuffled), at(now)) == found, "the order of arrival matters"
    return found


def seen(found: Verdict) -> tuple[str, bool, str | None]:
    return found.state, found.is_failing, found.kind


def test_job_that_runs_on_time_is_ok() -> None:
    found = verdict([check_in(0, "in_progress", "a"), check_in(2, "ok", "a")], now=9)
    assert seen(found) == ("ok", False, None)
    assert (found.last_at, found.next_at, found.duration_s, found.problem) == (at(2), at(10), 120, None)


def test_job_is_late_within_its_margin_and_missed_after_it() -> None:
    runs = [check_in(0, "ok")]
    assert seen(verdict(runs, now=10.5)) == ("late", False, None)
    found = verdict(runs, now=11)
    assert seen(found) == ("missed", True, "missed")
    assert (found.since, found.count, found.next_at) == (at(11), 1, at(20))
    assert found.problem == "no check-in for 2026-05-04 10:10 UTC; the last one came 2026-05-04 10:00 UTC"
    assert seen(verdict(runs, now=14, margin_s=300.0)) == ("late", False, None)
    assert verdict(runs, now=45).count == 4


def test_job_long_gone_is_judged_in_bounded_steps() -> None:
    found = verdict([check_in(0, "ok")], now=525_600, schedule=parse_schedule("crontab", "* * * * *", None, None))
    assert seen(found) == ("missed", True, "missed")
    assert found.next_at is not None
    assert at(525_600) - timedelta(minutes=1) < found.next_at <= at(525_601)


def test_failure_is_reported_and_ends_with_a_success() -> None:
    failed = [check_in(0, "in_progress", "a"), check_in(1, "error", "a")]
    found = verdict(failed, now=5)
    assert seen(found) == ("failed", True, "failed")
    assert found.problem == "the run of 2026-05-04 10:00 UTC reported an error"
    assert seen(verdict([*failed, check_in(10, "ok", "b")], now=12)) == ("ok", False, "failed")


def test_run_without_an_end_is_an_overrun_and_one_alert() -> None:
    started = [check_in(0, "in_progress", "a")]
    assert seen(verdict(started, now=29, max_runtime_s=1800.0)) == ("running", False, None)
    found = verdict(started, now=31, max_runtime_s=1800.0)
    assert seen(found) == ("failed", True, "overrun")
    assert (found.problem, found.since) == ("runs for 31 min, and may take 30 min", at(30))
    # What it holds up is missed after that, and the failure goes on.
    assert seen(verdict(started, now=45, max_runtime_s=1800.0)) == ("missed", True, "missed")
    assert seen(verdict([*started, check_in(40, "ok", "b")], now=41, max_runtime_s=1800.0)) == ("ok", False, "overrun")


def test_progress_of_a_long_run_moves_its_deadline() -> None:
    runs = [check_in(0, "in_progress", "a"), check_in(25, "in_progress", "a")]
    assert verdict(runs, now=50).state == "running"
    assert verdict(runs, now=56).kind == "overrun"


def test_nothing_is_missed_while_a_run_takes_its_time() -> None:
    assert seen(verdict([check_in(0, "in_progress", "a")], now=25)) == ("running", False, None)
    ended = [check_in(0, "in_progress", "a"), check_in(25, "ok", "a")]
    assert seen(verdict(ended, now=26)) == ("ok", False, None)
    assert verdict(ended, now=26).next_at == at(30)


def test_start_just_before_the_minute_is_the_run_that_is_due() -> None:
    assert verdict([check_in(9.8, "ok")], now=12).next_at == at(20)
    each_minute = parse_schedule("crontab", "* * * * *", None, None)
    assert verdict([check_in(9.8, "ok")], now=9.9, schedule=each_minute).next_at == at(10)


def test_thresholds_hold_an_alert_back_and_keep_it_open() -> None:
    job = {"failure_threshold": 3, "recovery_threshold": 2}
    failed = [check_in(0, "error"), check_in(10, "error"), check_in(20, "error")]
    assert seen(verdict(failed[:2], now=15, **job)) == ("failed", False, "failed")
    found = verdict(failed, now=25, **job)
    assert seen(found) == ("failed", True, "failed")
    assert (found.count, found.since) == (3, at(0))
    recovers = [*failed, check_in(30, "ok")]
    assert seen(verdict(recovers, now=35, **job)) == ("ok", True, "failed")
    assert seen(verdict([*recovers, check_in(40, "ok")], now=45, **job)) == ("ok", False, "failed")
    assert seen(verdict([*recovers, check_in(40, "error")], now=45, **job)) == ("failed", True, "failed")


def test_missed_runs_count_towards_a_threshold_in_between_too() -> None:
    job = {"failure_threshold": 2}
    assert verdict([check_in(0, "error")], now=12, **job).is_failing
    assert not verdict([check_in(0, "ok")], now=12, **job).is_failing
    assert verdict([check_in(0, "ok"), check_in(25, "error")], now=26, **job).count == 3
    # Before it had this schedule, nothing was missed.
    assert verdict([check_in(0, "ok"), check_in(25, "error")], now=26, schedule_since=at(25), **job).count == 1


def test_job_without_a_schedule_is_never_missed() -> None:
    found = verdict([check_in(0, "ok", duration_s=3)], now=100_000, schedule=None)
    assert seen(found) == ("ok", False, None)
    assert (found.next_at, found.duration_s) == (None, 3)


@pytest.mark.parametrize("stored", [Schedule("H H * * *", "UTC"), Schedule("* * * * *", "Mars/Olympus")])
def test_schedule_that_cannot_be_read_is_said_and_stops_nothing(stored: Schedule) -> None:
    found = verdict([check_in(0, "ok")], now=60, schedule=stored)
    assert found.state == "unknown"
    assert found.schedule_error
    assert not found.is_failing
    assert seen(verdict([check_in(0, "error")], now=60, schedule=stored)) == ("failed", True, "failed")


def test_end_without_an_id_ends_the_last_run() -> None:
    (run,) = build_runs([check_in(0, "in_progress"), check_in(3, "ok")])
    assert (run.started_at, run.finished_at, run.duration_s) == (at(0), at(3), 180)
    runs = build_runs([check_in(0, "in_progress", "a"), check_in(1, "ok", "b"), check_in(3, "error")])
    assert [run.status for run in runs] == ["in_progress", "ok", "error"]


def test_duration_that_is_told_gives_the_start() -> None:
    (run,) = build_runs([check_in(10, "ok", "a", duration_s=120)])
    assert run.started_at == at(8)
    (run,) = build_runs([check_in(10, "ok", "a", duration_s=1e15)])
    assert run.started_at == at(10)


def test_progress_after_the_end_changes_no_result() -> None:
    (run,) = build_runs([check_in(0, "ok", "a"), check_in(1, "in_progress", "a")])
    assert (run.status, run.finished_at) == ("ok", at(0))


def test_job_without_a_check_in_is_unknown() -> None:
    assert judge(Job(EACH_TEN_MINUTES), [], START).state == "unknown"
