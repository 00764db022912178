"""The state of each channel: failures in a row, and its breaker."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypedDict

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import execute, fetch_all, fetch_one

_STATES = """
    SELECT channel, last_sent_at, last_failed_at, last_error, failures, failing_since, opened_at, open_until, is_asked
    FROM callwatch.channel_states
"""
_SENT = """
    INSERT INTO callwatch.channel_states (channel, last_sent_at) VALUES (%(channel)s, %(now)s)
    ON CONFLICT (channel) DO UPDATE SET last_sent_at = %(now)s, failures = 0, failing_since = NULL,
        opened_at = NULL, open_until = NULL
"""
_REFUSED = """
    INSERT INTO callwatch.channel_states (channel, last_failed_at, last_error) VALUES (%(channel)s, %(now)s, %(error)s)
    ON CONFLICT (channel) DO UPDATE SET last_failed_at = %(now)s, last_error = %(error)s
"""
_ANSWERING = """
    UPDATE callwatch.channel_states SET failures = 0, failing_since = NULL, opened_at = NULL, open_until = NULL
    WHERE channel = %s
"""
_FAILING = """
    INSERT INTO callwatch.channel_states AS mine (channel, last_error, failures, failing_since)
    VALUES (%(channel)s, %(error)s, 1, %(now)s)
    ON CONFLICT (channel) DO UPDATE SET last_error = %(error)s, failures = mine.failures + 1,
        failing_since = coalesce(mine.failing_since, %(now)s)
    RETURNING failures
"""
_OPEN = """
    UPDATE callwatch.channel_states SET opened_at = coalesce(opened_at, %(now)s), open_until = %(until)s,
        is_asked = %(is_asked)s
    WHERE channel = %(channel)s
"""
# The row count names the one sender that may try; if that sender dies, the breaker is half open again at `until`.
_TRIAL = """
    UPDATE callwatch.channel_states SET open_until = %(until)s
    WHERE channel = %(channel)s AND open_until <= %(now)s
"""
_END = """
    UPDATE callwatch.channel_states SET open_until = %(now)s
    WHERE channel = ANY (%(channels)s) AND open_until > %(now)s AND NOT is_asked
"""


class ChannelState(TypedDict):
    """A channel: its last successes and failures, and its breaker. is_asked: the receiver named the end of the hold."""

    channel: str
    last_sent_at: datetime | None
    last_failed_at: datetime | None
    last_error: str | None
    failures: int
    failing_since: datetime | None
    opened_at: datetime | None
    open_until: datetime | None
    is_asked: bool


def read_channel_states(conn: AnyConnection) -> dict[str, ChannelState]:
    """All rows by channel."""
    return {row["channel"]: row for row in fetch_all(conn, _STATES, (), ChannelState)}


def note_sent(conn: AnyConnection, channel: str, now: datetime) -> None:
    """A notification was delivered: earlier failures are over."""
    execute(conn, _SENT, {"channel": channel, "now": now})


def note_given_up(conn: AnyConnection, channel: str, now: datetime, error: str) -> None:
    """A notification will never be delivered."""
    execute(conn, _REFUSED, {"channel": channel, "now": now, "error": error})


def note_answering(conn: AnyConnection, channel: str) -> None:
    """The channel works, though it refused a message."""
    execute(conn, _ANSWERING, (channel,))


def note_failing(conn: AnyConnection, channel: str, now: datetime, error: str) -> int:
    """A try failed; returns how many have failed in a row."""
    row = fetch_one(conn, _FAILING, {"channel": channel, "now": now, "error": error})
    assert row is not None
    return int(row["failures"])


def open_breaker(conn: AnyConnection, channel: str, now: datetime, until: datetime, is_asked: bool) -> None:
    """Hold the channel's notifications until then. is_asked: the receiver named the time."""
    execute(conn, _OPEN, {"channel": channel, "now": now, "until": until, "is_asked": is_asked})


def end_holds(conn: AnyConnection, channels: Sequence[str], now: datetime) -> None:
    """Let channels be tried now, except those whose receiver named the time. The caller commits."""
    execute(conn, _END, {"channels": list(channels), "now": now})


def begin_trial(conn: AnyConnection, channel: str, now: datetime, until: datetime) -> bool:
    """Whether this caller is the one that may try a channel whose breaker has been open long enough."""
    return execute(conn, _TRIAL, {"channel": channel, "now": now, "until": until}) == 1
