"""The time by which retention deletes: it follows the clock in small steps, and distrusts a jump.

A clock that is wrong for a while must not delete recent data. So retention has a time of its own, kept in the database. It
advances by as much as the clock did since the previous cycle, and ignores any larger change in either direction. Once the clock
has run steadily for a day, the retention time catches up, by at most one day per day; a person who knows that the clock is
right makes it catch up at once (RETENTION_CLOCK_TRUSTED_UNTIL). It is never ahead of the clock, and of two clocks, the
database's and the monitor's, the slower one counts.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypedDict

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import execute, fetch_one

# The longest time between two cycles (CYCLE_S of 3600) and some minutes.
MAX_STEP = timedelta(minutes=75)
# A smaller jump of the clock is followed: everything is kept for this much longer, so that no such jump deletes too early.
MARGIN = timedelta(hours=6)
# Before it catches up after a jump, the clock must have run steadily for this long, and for this many cycles.
CONFIRM_FOR = timedelta(days=1)
CONFIRM_CYCLES = 20
# After this many steady cycles a reading is good enough for lossless changes, such as the end of an ignore time.
SETTLED_CYCLES = 3

_READ = """
    SELECT seen_at, trusted_at, steady_since, steady_cycles, clock_timestamp() AS database_now
    FROM callwatch.retention_clock FOR UPDATE
"""
_PEEK = _READ.replace(" FOR UPDATE", "")
_KEEP = """
    INSERT INTO callwatch.retention_clock (seen_at, trusted_at, steady_since, steady_cycles)
    VALUES (%(seen_at)s, %(trusted_at)s, %(steady_since)s, %(steady_cycles)s)
    ON CONFLICT (is_only) DO UPDATE SET seen_at = EXCLUDED.seen_at, trusted_at = EXCLUDED.trusted_at,
        steady_since = EXCLUDED.steady_since, steady_cycles = EXCLUDED.steady_cycles
"""


@dataclass(frozen=True, slots=True)
class RetentionClock:
    """What retention knows about time: seen_at is the last reading, trusted_at is the time it deletes by."""

    seen_at: datetime
    trusted_at: datetime
    steady_since: datetime
    steady_cycles: int

    @property
    def delete_at(self) -> datetime:
        """The time from which ages are counted when data is deleted."""
        return self.trusted_at - MARGIN

    @property
    def lag(self) -> timedelta:
        """How far the clock is ahead of the trusted time: the jumps it has not caught up with."""
        return self.seen_at - self.trusted_at

    @property
    def is_settled(self) -> bool:
        """Whether the clock has not jumped in the last cycles."""
        return self.steady_cycles >= SETTLED_CYCLES


class _ClockRow(TypedDict):
    seen_at: datetime
    trusted_at: datetime
    steady_since: datetime
    steady_cycles: int
    database_now: datetime


class _NowRow(TypedDict):
    at: datetime


def begin_clock(at: datetime) -> RetentionClock:
    """A clock with its first reading."""
    return RetentionClock(at, at, at, 0)


def advance_clock(known: RetentionClock, reading: datetime, trusted_until: datetime | None = None) -> RetentionClock:
    """The clock after one more reading. trusted_until: a person's confirmation that readings up to it are right."""
    if trusted_until is not None and reading <= trusted_until:
        return RetentionClock(reading, reading, min(known.steady_since, reading), known.steady_cycles + 1)
    step = reading - known.seen_at
    if abs(step) > MAX_STEP:
        return RetentionClock(reading, min(known.trusted_at, reading), reading, 0)
    trusted_at = known.trusted_at + step
    cycles = known.steady_cycles + 1
    if cycles >= CONFIRM_CYCLES and reading - known.steady_since >= CONFIRM_FOR:
        trusted_at += max(step, timedelta())
    return RetentionClock(reading, min(trusted_at, reading), min(known.steady_since, reading), cycles)


def read_clock(conn: AnyConnection, now: datetime, trusted_until: datetime | None = None) -> RetentionClock:
    """Take a reading and store it, once per cycle; now: the time of the monitor's own clock. The caller commits."""
    row = fetch_one(conn, _READ, (), _ClockRow)
    known, reading = (_parse_clock(row), min(row["database_now"], now)) if row else (begin_clock(now), now)
    clock = advance_clock(known, reading, trusted_until)
    given = {name: getattr(clock, name) for name in ("seen_at", "trusted_at", "steady_since", "steady_cycles")}
    execute(conn, _KEEP, given)
    return clock


def read_believable_time(conn: AnyConnection, now: datetime) -> datetime:
    """A time to compute ages by outside of the cycle: `now` if the clock is settled and near its last reading."""
    row = fetch_one(conn, _PEEK, (), _ClockRow)
    if row is None:
        return now
    clock = _parse_clock(row)
    is_near = abs(now - clock.seen_at) <= MAX_STEP
    return now if clock.is_settled and is_near else min(now, clock.trusted_at)


def read_database_time(conn: AnyConnection) -> datetime:
    """The time of the database's clock."""
    row = fetch_one(conn, "SELECT clock_timestamp() AS at", (), _NowRow)
    assert row is not None
    return row["at"]


def _parse_clock(row: _ClockRow) -> RetentionClock:
    return RetentionClock(row["seen_at"], row["trusted_at"], row["steady_since"], row["steady_cycles"])
