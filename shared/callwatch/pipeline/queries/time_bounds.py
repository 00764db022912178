"""Which times of a product are plausible, and the windows between them: every window has a lower and an upper end.

A product's tables hold year 1, dates before Christ, infinity, and milliseconds read as seconds. Comparisons with such values
never fail in PostgreSQL; arithmetic and datetime do. So statements only compare, and each time that leaves the database is
checked here.
"""

import math
from datetime import UTC, datetime, timedelta

from psycopg2.sql import SQL, Composable, Placeholder

from callwatch.pipeline.queries.statements import Literal, walk

# No watched product is older. Zero times (year 1, 1970) and dates before Christ lie below.
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
# The product's clock may run ahead of ours by this much; a row further ahead belongs to no window, and counts as clock skew.
MAX_CLOCK_SKEW_S = 300

_EARLIEST = SQL("{}::timestamptz").format(Literal(EARLIEST.isoformat()))


class Moment(Placeholder):
    """The parameter for a time so many seconds after the reading, or before it if they are negative.

    It is a parameter, because PostgreSQL evaluates a difference of times again for each row.
    """

    def __init__(self, offset_s: float) -> None:
        super().__init__(f"{'ahead' if offset_s > 0 else 'ago'}_{abs(offset_s)}")
        self.offset_s = offset_s


def compose_ago(seconds: float) -> Composable:
    """The time this many seconds before the reading; `compute_moments` gives its value."""
    return Moment(-seconds) + SQL("::timestamptz")


def compose_ahead(seconds: float = MAX_CLOCK_SKEW_S) -> Composable:
    """The time this many seconds after the reading."""
    return Moment(seconds) + SQL("::timestamptz")


def compute_moments(statement: Composable, now: datetime) -> dict[str, datetime]:
    """The times that a statement names by their distance from the reading."""
    found = [part for part in walk(statement) if isinstance(part, Moment)]
    return {str(moment.name): now + timedelta(seconds=moment.offset_s) for moment in found}


def compose_newer_than(at: Composable, seconds: float, ahead_s: float = MAX_CLOCK_SKEW_S) -> Composable:
    """Whether a time lies in the window of the last so many seconds."""
    return SQL("{at} > {start} AND {at} <= {end}").format(at=at, start=compose_ago(seconds), end=compose_ahead(ahead_s))


def compose_older_than(at: Composable, seconds: float) -> Composable:
    """Whether a time lies before the last so many seconds; false for an implausible time."""
    return SQL("{at} < {end} AND {at} >= {start}").format(at=at, start=_EARLIEST, end=compose_ago(seconds))


def is_readable(at: Composable, ahead_s: float = MAX_CLOCK_SKEW_S) -> Composable:
    """Whether a time is plausible."""
    return SQL("{at} >= {start} AND {at} <= {end}").format(at=at, start=_EARLIEST, end=compose_ahead(ahead_s))


def is_early(at: Composable) -> Composable:
    """Whether a time is too early to be plausible."""
    return SQL("{} < {}").format(at, _EARLIEST)


def is_ahead(at: Composable, ahead_s: float = MAX_CLOCK_SKEW_S) -> Composable:
    """Whether a time lies further ahead than a clock may run; true for infinity."""
    return SQL("{} > {}").format(at, compose_ahead(ahead_s))


def read_time(seconds: float | None, now: datetime, ahead_s: float = MAX_CLOCK_SKEW_S) -> datetime | None:
    """Seconds since 1970 as aware UTC; None if they are no plausible time."""
    if seconds is None or not math.isfinite(seconds):
        return None
    is_true = EARLIEST.timestamp() <= seconds <= now.timestamp() + ahead_s
    return datetime.fromtimestamp(seconds, UTC) if is_true else None
