"""Sends what the outbox holds: claimed, sent outside of any transaction, marked; tried again for a day.

One thread a channel sends (alerts/lane.py); this one alone talks to the database.
"""

import contextlib
import logging
import queue
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from callwatch.alerts.backoff import TOLD_WITHIN, TRIED_FOR, delay_s, hold_s
from callwatch.alerts.failure import DeliveryFailed, clean_error
from callwatch.alerts.lane import LaneEnd, Outcome, Outcomes, start_lane
from callwatch.alerts.post import TIMEOUT_S
from callwatch.db import connection
from callwatch.db.alerts import add_timeline
from callwatch.db.channel_states import (
    begin_trial,
    channel_states,
    note_answering,
    note_failing,
    note_given_up,
    note_sent,
    open_breaker,
)
from callwatch.db.connect import AnyConnection
from callwatch.db.deliveries import (
    claim_due,
    due_channels,
    give_up_before,
    mark_failed,
    mark_later,
    mark_sent,
    release,
    set_free,
)
from callwatch.settings import Settings, get_settings

# Longer than sending may take: a claim of a sender that was killed is free again soon after.
LEASE_S = 30.0
_AT_ONCE = 50
# Of one statement; a server that froze must not hold up those who wait for the next claim.
_STATEMENT_MS = 3_000
# Less time than this is not worth a try: it would only count as a time-out.
_LEAST_S = 2.0
_GRACE_S = 0.3
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class DeliveryResult:
    """What one round of sending did; held: channels behind an open breaker."""

    sent: int = 0
    postponed: int = 0
    failed: int = 0
    held: int = 0


@dataclass(slots=True)
class _Round:
    now: datetime
    deadline: float
    least_s: float
    settings: Settings
    began: float = field(default_factory=time.monotonic)
    holder: str = field(default_factory=lambda: uuid.uuid4().hex)
    outcomes: Outcomes = field(default_factory=queue.SimpleQueue)
    stopped: threading.Event = field(default_factory=threading.Event)
    # What each channel's lane still has in hand; a channel that stopped is left alone for this round.
    in_hand: dict[str, dict[int, Mapping[str, Any]]] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)
    opened_at: dict[str, datetime | None] = field(default_factory=dict)
    result: DeliveryResult = field(default_factory=DeliveryResult)

    def later(self, seconds: float) -> datetime:
        """A time so long from this moment: what a receiver asks for counts from its answer, not from the round's start."""
        return self.now + timedelta(seconds=time.monotonic() - self.began + seconds)


def deliver_due(now: datetime, deadline_s: float) -> DeliveryResult:
    """Send everything due, for at most about `deadline_s`, whatever a channel does.

    Raises DatabaseUnavailable; what was sent and could not be marked is sent again under the same id.
    """
    work = _Round(now, time.monotonic() + deadline_s, min(_LEAST_S, deadline_s / 2), get_settings())
    try:
        while True:
            if work.deadline - time.monotonic() >= work.least_s:
                _start_lanes(work)
            if not work.in_hand:
                return work.result
            if not _collect(work):
                _leave_behind(work)
                return work.result
    finally:
        work.stopped.set()


def _start_lanes(work: _Round) -> None:
    """Claim for each channel that has nothing in hand, and start sending."""
    lease_end = time.monotonic() + LEASE_S
    claimed: dict[str, list[dict[str, Any]]] = {}
    with connection(_STATEMENT_MS) as conn:
        for old in give_up_before(conn, work.now - TOLD_WITHIN, work.now):
            _tell_of_giving_up(conn, old, old["channel"], str(old["last_error"]), work)
        states = channel_states(conn)
        for channel in due_channels(conn, work.now):
            if channel in work.in_hand or channel in work.done:
                continue
            limit = _limit_of(conn, channel, states.get(channel), work)
            if limit:
                claimed[channel] = claim_due(conn, channel, work.holder, work.now, LEASE_S, limit)
        conn.commit()
    for channel, rows in claimed.items():
        if rows:
            work.in_hand[channel] = {row["id"]: row for row in rows}
            # No send may outlive its claim, or another sender would do it too.
            deadline = min(work.deadline, lease_end - TIMEOUT_S)
            start_lane(channel, rows, work.settings, deadline, work.least_s, work.stopped, work.outcomes)


def _limit_of(conn: AnyConnection, channel: str, state: Mapping[str, Any] | None, work: _Round) -> int:
    """How many may be claimed: none behind an open breaker, one as a trial, else a batch."""
    work.opened_at[channel] = state["opened_at"] if state else None
    if state is None or state["open_until"] is None:
        return _AT_ONCE
    if begin_trial(conn, channel, work.now, work.now + timedelta(seconds=LEASE_S)):
        return 1
    work.result.held += 1
    work.done.add(channel)
    return 0


def _collect(work: _Round) -> bool:
    """Mark outcomes as they come, until a lane ends; False where none does in time."""
    while True:
        try:
            found = [work.outcomes.get(timeout=max(0.0, work.deadline + _GRACE_S - time.monotonic()))]
        except queue.Empty:
            return False
        # What came in while the last ones were being marked is marked together: a commit each would be the bottleneck.
        with contextlib.suppress(queue.Empty):
            while True:
                found.append(work.outcomes.get_nowait())
        ends = [one for one in found if isinstance(one, LaneEnd)]
        with connection(_STATEMENT_MS) as conn:
            for one in found:
                if isinstance(one, Outcome) and one.is_tried:
                    del work.in_hand[one.channel][one.row["id"]]
                    _mark(conn, one, work)
            for end in ends:
                # What its thread tried was marked; what is left was not begun.
                release(conn, list(work.in_hand.pop(end.channel)), work.holder)
            conn.commit()
        work.done |= {end.channel for end in ends if end.is_stopped}
        if ends:
            return True


def _leave_behind(work: _Round) -> None:
    """The time is up, and some channels still hang: what they were at is tried later, what they had left is given back."""
    for channel, rows in work.in_hand.items():
        if not rows:
            continue
        hanging, *rest = rows.values()
        failure = DeliveryFailed("the channel did not come back in time")
        with connection(_STATEMENT_MS) as conn:
            _mark(conn, Outcome(channel, hanging, failure), work)
            release(conn, [row["id"] for row in rest], work.holder)
            conn.commit()


def _mark(conn: AnyConnection, outcome: Outcome, work: _Round) -> None:
    """Keep what became of a delivery, and what it says of its channel."""
    row, channel, failure, now = outcome.row, outcome.channel, outcome.failure, work.now
    if failure is None:
        if mark_sent(conn, row["id"], work.holder):
            work.result.sent += 1
        note_sent(conn, channel, now)
        _set_free(conn, channel, work)
        return
    error = clean_error(str(failure), work.settings)
    if failure.is_permanent or now - row["trying_since"] >= TRIED_FOR:
        if mark_failed(conn, row["id"], work.holder, now, error):
            work.result.failed += 1
            _tell_of_giving_up(conn, row, channel, error, work)
    else:
        due_at = work.later(delay_s(row["attempts"], failure))
        if mark_later(conn, row["id"], work.holder, due_at, error):
            work.result.postponed += 1
    if failure.is_permanent and not failure.is_channel_wide:
        # This message is refused; the channel itself answers.
        note_answering(conn, channel)
        _set_free(conn, channel, work)
        return
    failures = note_failing(conn, channel, now, error)
    held_s = hold_s(failures, failure)
    if held_s is not None:
        open_breaker(conn, channel, now, work.later(held_s), failure.retry_after_s is not None)


def _set_free(conn: AnyConnection, channel: str, work: _Round) -> None:
    opened_at = work.opened_at.pop(channel, None)
    if opened_at is not None:
        set_free(conn, channel, work.now, opened_at)


def _tell_of_giving_up(conn: AnyConnection, row: Mapping[str, Any], channel: str, error: str, work: _Round) -> None:
    note_given_up(conn, channel, work.now, error)
    if row["alert_id"] is not None:
        add_timeline(conn, row["alert_id"], work.now, f"not delivered: {channel}", "callwatch", error)
    _log.error("a notification was given up", extra={"channel": channel, "kind": row["kind"], "error": error})
