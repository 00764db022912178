"""Delivers the notifications of the outbox; a failing delivery is retried for a day.

Each channel has a worker thread (channel_worker.py); only the caller's thread uses the database.
"""

import contextlib
import logging
import queue
import threading
import time
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from callwatch.alerts.evaluation.silences import Silence, Silences, load_silences
from callwatch.alerts.notifications.backoff import MAX_AGE, MAX_RETRY_TIME, compute_delay_s, compute_hold_s
from callwatch.alerts.notifications.channel_worker import Batch, Outcome, Outcomes, WorkerEnd, start_worker
from callwatch.alerts.notifications.delivery_failed import DeliveryFailed, clean_error
from callwatch.alerts.notifications.muted import find_muted_deliveries
from callwatch.alerts.notifications.status_webhook import add_targets, select_channels, switch_off_failing
from callwatch.alerts.notifications.webhook_client import TIMEOUT_S
from callwatch.db import connection
from callwatch.db.alert_queries.alerts import add_timeline
from callwatch.db.alert_queries.channel_states import (
    ChannelState,
    begin_trial,
    note_answering,
    note_failing,
    note_given_up,
    note_sent,
    open_breaker,
    read_channel_states,
)
from callwatch.db.alert_queries.delivery_claims import (
    ClaimedDelivery,
    claim_due,
    list_due_channels,
    mark_failed,
    mark_later,
    mark_sent,
    release,
    set_free,
)
from callwatch.db.alert_queries.outbox import ExpiredDelivery, give_up_before
from callwatch.db.alert_queries.silences import list_silences_in_force
from callwatch.db.core.connect import AnyConnection
from callwatch.db.queries.impossible_waits import end_impossible_waits
from callwatch.db.queries.retention_clock import read_believable_time
from callwatch.settings import Settings, get_settings

# Longer than a send may take; after a sender was killed, its claims expire soon.
LEASE_S = 30.0
_AT_ONCE = 50
# Per statement, so that a frozen server does not delay the next claim.
_STATEMENT_MS = 3_000
# With less time left an attempt is not worth it: it would only count as a timeout.
_MIN_S = 2.0
_GRACE_S = 0.3
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class DeliveryResult:
    """The counts of one round of sending; held: channels behind an open breaker."""

    sent: int = 0
    postponed: int = 0
    failed: int = 0
    held: int = 0


@dataclass(slots=True)
class _Round:
    now: datetime
    deadline: float
    min_s: float
    settings: Settings
    began: float = field(default_factory=time.monotonic)
    holder: str = field(default_factory=lambda: uuid.uuid4().hex)
    outcomes: Outcomes = field(default_factory=queue.SimpleQueue)
    stopped: threading.Event = field(default_factory=threading.Event)
    # Claimed and not yet finished, per channel; a channel in `done` gets no more in this round.
    in_hand: dict[str, dict[int, ClaimedDelivery]] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)
    opened_at: dict[str, datetime | None] = field(default_factory=dict)
    # What the silences of `muted_by` match among all that waits: thousands are not compared again for each batch.
    muted_by: list[Silence] = field(default_factory=list)
    muted: list[int] = field(default_factory=list)
    result: DeliveryResult = field(default_factory=DeliveryResult)

    def add_seconds(self, seconds: float) -> datetime:
        """Return the time `seconds` from this moment: a receiver's Retry-After counts from its response."""
        return self.now + timedelta(seconds=time.monotonic() - self.began + seconds)


def deliver_due(now: datetime, deadline_s: float) -> DeliveryResult:
    """Send everything due for at most about `deadline_s`, whatever a channel does.

    1. Give up notifications that are too old to send (backoff.py) and note it in their alert's timeline.
    2. Mute: skip deliveries that a silence matches; the next evaluation withdraws them (muted.py).
    3. Claim due deliveries per channel with a lease. An open breaker holds its channel, except for one trial.
    4. Deliver: each channel's worker sends its batch in order, outside of any transaction (channel_worker.py).
    5. Mark each result: sent, failed for good, or due again after a backoff (retry); update the channel's breaker.
    6. Repeat from 1 until nothing is due or the time is up; then release what was not attempted.

    Raises DatabaseUnavailable; a notification that was sent but could not be marked is sent again under the same id.
    """
    work = _Round(now, time.monotonic() + deadline_s, min(_MIN_S, deadline_s / 2), get_settings())
    with connection(_STATEMENT_MS) as conn:
        end_impossible_waits(conn, now)
        conn.commit()
    try:
        while True:
            if work.deadline - time.monotonic() >= work.min_s:
                _start_workers(work)
            if not work.in_hand:
                return work.result
            if not _collect(work):
                _leave_behind(work)
                return work.result
    finally:
        work.stopped.set()


def _start_workers(work: _Round) -> None:
    """Claim deliveries for each idle channel, and start its worker."""
    lease_end = time.monotonic() + LEASE_S
    claimed: dict[str, list[ClaimedDelivery]] = {}
    with connection(_STATEMENT_MS) as conn:
        for old in give_up_before(conn, read_believable_time(conn, work.now) - MAX_AGE, work.now):
            _record_failed_delivery(conn, old, old["channel"], str(old["last_error"]), work)
        states = read_channel_states(conn)
        silences = load_silences(list_silences_in_force(conn, work.now), work.now)
        if silences != work.muted_by:
            work.muted_by, work.muted = silences, find_muted_deliveries(conn, Silences(silences))
        due = [channel for channel in list_due_channels(conn, work.now) if channel not in {*work.in_hand, *work.done}]
        for channel in select_channels(due, work.in_hand, states, work.settings, work.now):
            limit = _find_limit(conn, channel, states.get(channel), work)
            if limit:
                rows = claim_due(conn, channel, work.holder, work.now, LEASE_S, limit, work.muted)
                claimed[channel] = add_targets(conn, channel, rows)
        conn.commit()
    for channel, rows in claimed.items():
        if rows:
            work.in_hand[channel] = {row["id"]: row for row in rows}
            # A send must end before its claim does, or another sender would repeat it.
            batch = Batch(channel, rows, min(work.deadline, lease_end - TIMEOUT_S), work.min_s)
            start_worker(batch, work.settings, work.stopped, work.outcomes)


def _find_limit(conn: AnyConnection, channel: str, state: ChannelState | None, work: _Round) -> int:
    """Return how many deliveries to claim: none behind an open breaker, one as a trial, otherwise a batch."""
    work.opened_at[channel] = state["opened_at"] if state else None
    if state is None or state["open_until"] is None:
        return _AT_ONCE
    if begin_trial(conn, channel, work.now, work.now + timedelta(seconds=LEASE_S)):
        return 1
    work.result.held += 1
    work.done.add(channel)
    return 0


def _collect(work: _Round) -> bool:
    """Mark outcomes as they arrive until a worker ends; False if none does in time."""
    while True:
        try:
            found = [work.outcomes.get(timeout=max(0.0, work.deadline + _GRACE_S - time.monotonic()))]
        except queue.Empty:
            return False
        # Outcomes that arrived meanwhile are marked together: a commit for each would be the bottleneck.
        with contextlib.suppress(queue.Empty):
            while True:
                found.append(work.outcomes.get_nowait())
        ends = [one for one in found if isinstance(one, WorkerEnd)]
        with connection(_STATEMENT_MS) as conn:
            for one in found:
                if isinstance(one, Outcome) and one.is_tried:
                    del work.in_hand[one.channel][one.row["id"]]
                    _mark(conn, one, work)
            for end in ends:
                # What the worker attempted is marked; the rest was not begun.
                release(conn, list(work.in_hand.pop(end.channel)), work.holder)
            conn.commit()
        work.done |= {end.channel for end in ends if end.is_stopped}
        if ends:
            return True


def _leave_behind(work: _Round) -> None:
    """Abandon channels that hang when the time is up: the current delivery is retried later, the others are released."""
    for channel, rows in work.in_hand.items():
        if not rows:
            continue
        hanging, *rest = rows.values()
        failure = DeliveryFailed("the channel did not respond in time")
        with connection(_STATEMENT_MS) as conn:
            _mark(conn, Outcome(channel, hanging, failure), work)
            release(conn, [row["id"] for row in rest], work.holder)
            conn.commit()


def _mark(conn: AnyConnection, outcome: Outcome, work: _Round) -> None:
    """Store the result of a delivery, and what it means for its channel."""
    row, channel, failure, now = outcome.row, outcome.channel, outcome.failure, work.now
    if failure is None:
        if mark_sent(conn, row["id"], work.holder):
            work.result.sent += 1
        note_sent(conn, channel, now)
        _set_free(conn, channel, work)
        return
    error = clean_error(str(failure), work.settings)
    if failure.is_permanent or now - row["trying_since"] >= MAX_RETRY_TIME:
        if mark_failed(conn, row["id"], work.holder, now, error):
            work.result.failed += 1
            _record_failed_delivery(conn, row, channel, error, work)
    else:
        due_at = work.add_seconds(compute_delay_s(row["attempts"], failure))
        if mark_later(conn, row["id"], work.holder, due_at, error):
            work.result.postponed += 1
    if failure.is_permanent and not failure.is_channel_wide:
        # Only this message is rejected; the channel itself responds.
        note_answering(conn, channel)
        _set_free(conn, channel, work)
        return
    failures = note_failing(conn, channel, now, error)
    held_s = compute_hold_s(failures, failure)
    if held_s is not None:
        open_breaker(conn, channel, now, work.add_seconds(held_s), failure.retry_after_s is not None)


def _set_free(conn: AnyConnection, channel: str, work: _Round) -> None:
    opened_at = work.opened_at.pop(channel, None)
    if opened_at is not None:
        set_free(conn, channel, work.now, opened_at)


def _record_failed_delivery(
    conn: AnyConnection, row: ClaimedDelivery | ExpiredDelivery, channel: str, error: str, work: _Round
) -> None:
    note_given_up(conn, channel, work.now, error)
    switch_off_failing(conn, channel, work.now)
    if row["alert_id"] is not None:
        add_timeline(conn, row["alert_id"], work.now, f"not delivered: {channel}", "callwatch", error)
    _log.error("a notification could not be delivered", extra={"channel": channel, "kind": row["kind"], "error": error})
