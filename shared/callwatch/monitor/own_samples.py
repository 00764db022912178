"""Samples about the monitor itself: its clock, its settings, its cycles, its tracker, its channels, its dead letters."""

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from callwatch import sqs
from callwatch.alerts.notifications.channels import is_configured, list_names
from callwatch.alerts.routing.known_routes import list_page_problems
from callwatch.alerts.routing.routes_in_force import list_problems
from callwatch.client.capture import error_tracker
from callwatch.db.alert_queries.channel_states import read_channel_states
from callwatch.db.core.connect import AnyConnection
from callwatch.db.queries.cycles import list_recent_evaluations, read_last_cycle
from callwatch.db.queries.retention_clock import RetentionClock, read_database_time
from callwatch.db.queries.setting_changes import keep_settings
from callwatch.db.queries.setting_problems import keep_problems
from callwatch.exceptions import QueueUnavailable
from callwatch.models.sample import Sample
from callwatch.settings import get_settings
from callwatch.settings.digests import digest_settings

COUNTED = 10
MIN_FAILED = 5
# One outage that is over is a single run of failures, and had a notification of its own.
MIN_RUNS = 3
# A shorter failure needs no alert: the notifications wait and are retried.
_FAILING_FOR = timedelta(minutes=5)
# A lost notification is reported for this long, even if the next one was delivered.
_LOST_WITHIN = timedelta(minutes=15)


def measure_clock(conn: AnyConnection, clock: RetentionClock) -> list[Sample]:
    """How far the clock is ahead of the time that retention trusts, and how far this machine's clock is from the database's."""
    difference_s = abs((datetime.now(UTC) - read_database_time(conn)).total_seconds())
    return [
        Sample("clock.jump_s", max(0.0, clock.lag.total_seconds()), detail=f"deletes as of {clock.delete_at:%Y-%m-%d %H:%M} UTC"),
        Sample("clock.difference_s", round(difference_s, 3)),
    ]


def measure_configuration(conn: AnyConnection, now: datetime) -> list[Sample]:
    """1 for each invalid variable; one 0 if all are valid. Stores the problems and what changed for the reports, and commits."""
    settings = get_settings()
    problems = [*list_problems(settings), *list_page_problems(conn, settings)]
    keep_problems(conn, problems, now)
    keep_settings(conn, digest_settings(os.environ), now)
    conn.commit()
    found = [
        Sample("configuration.invalid", 1.0, labels={"variable": each.variable, "affects": each.affects}, detail=each.message)
        for each in problems
    ]
    return found or [Sample("configuration.invalid", 0.0)]


def silence_samples(conn: AnyConnection, now: datetime, outage_since: datetime | None = None) -> list[Sample]:
    """Seconds since the previous cycle ended, which the monitor reports once it runs again; no sample before the first.

    outage_since: when the monitor met an outage of the database that ends now. It ran then, and could not write it down.
    """
    last = read_last_cycle(conn)
    if last is None:
        return []
    silent_s = max(0.0, ((outage_since or now) - last["finished_at"]).total_seconds())
    return [Sample("monitor.silence_s", silent_s, since=last["finished_at"])]


def measure_missed(conn: AnyConnection) -> list[Sample]:
    """How many of the last cycles did not evaluate, where they fail again and again; 0 where they do not.

    Two failures in a row are notified directly (alerts/outage/evaluation_stopped.py). Failures that alternate with successes
    never are two in a row: the cycles in between report them as a sample, and the rule notifies as every other rule does.
    """
    recent = list_recent_evaluations(conn, COUNTED)
    failed = recent.count(False)
    if failed < MIN_FAILED or count_runs(recent) < MIN_RUNS:
        return [Sample("monitor.missed_evaluations", 0.0)]
    detail = f"{failed} of the last {len(recent)} cycles did not evaluate the rules"
    return [Sample("monitor.missed_evaluations", float(failed), detail=detail)]


def count_runs(recent: Sequence[bool]) -> int:
    """How many times evaluation stopped: runs of failures, whatever the length of each."""
    return sum(not is_evaluated and (index == 0 or recent[index - 1]) for index, is_evaluated in enumerate(recent))


def measure_tracker() -> list[Sample]:
    """Errors of this process that its own tracker could not send to the queue."""
    return [Sample("monitor.lost_errors", float(error_tracker.lost_count))]


def measure_dead_letters() -> list[Sample]:
    """How many messages wait in the dead-letter queue."""
    try:
        return [Sample("queue.dead_letters", float(sqs.estimate_count(get_settings().dead_letter_queue_url)))]
    except QueueUnavailable as error:
        return [Sample("queue.dead_letters", None, sqs.explain_unread(error))]


def measure_channels(conn: AnyConnection, now: datetime) -> list[Sample]:
    """channel.broken of each configured channel that was ever used: 1 if notifications do not get through."""
    states, settings = read_channel_states(conn), get_settings()
    used = [channel for channel in list_names(settings) if channel in states and is_configured(channel, settings)]
    return [_sample_channel(channel, states[channel], now) for channel in used]


def _sample_channel(channel: str, state: Mapping[str, Any], now: datetime) -> Sample:
    failed_at, sent_at, failing_since = state["last_failed_at"], state["last_sent_at"], state["failing_since"]
    is_lost = failed_at is not None and (sent_at is None or sent_at <= failed_at or now - failed_at < _LOST_WITHIN)
    is_failing = failing_since is not None and now - failing_since >= _FAILING_FOR
    if not is_lost and not is_failing:
        return Sample("channel.broken", 0.0, None, {"channel": channel})
    since = min(at for at in (failed_at if is_lost else None, failing_since) if at is not None)
    return Sample("channel.broken", 1.0, None, {"channel": channel}, state["last_error"], since)
