"""Days whose occurrences are only in the archive: which they are, and how a day's rows leave PostgreSQL before retention.

A day leaves only if an object holds each of its occurrences: digests record the days of which that is not so.
"""

from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple, TypedDict

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.partitions import DAYS_BEHIND, drop_days, list_days
from callwatch.db.core.query import execute, fetch_all, fetch_one

# A second delivery is recognized by the row of the first.
MIN_INDEX_DAYS = DAYS_BEHIND + 1
_TABLE = "error_logs"

_MARK = "INSERT INTO callwatch.unarchived_days SELECT unnest(%s::date[]) ON CONFLICT DO NOTHING"
_MARKED = "SELECT day FROM callwatch.unarchived_days"
_UNMARK = "DELETE FROM callwatch.unarchived_days WHERE day < %s"
STORED_DAYS = """
    SELECT to_date(substring(child.relname FROM '[0-9]{8}$'), 'YYYYMMDD') AS day
    FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid WHERE inhparent = 'callwatch.error_logs'::regclass
"""
# A look into the index for each day, however many objects there are.
_SPAN = f"""
    SELECT min(each.day) AS first_day, max(each.day) AS last_day FROM (
        SELECT at::date AS day FROM generate_series(
            (SELECT min(day) FROM callwatch.payload_objects)::timestamp,
            (SELECT max(day) FROM callwatch.payload_objects)::timestamp, interval '1 day'
        ) AS at
    ) AS each
    WHERE each.day NOT IN ({STORED_DAYS})
      AND EXISTS (SELECT FROM callwatch.payload_objects AS holder WHERE holder.day = each.day AND holder.is_stored)
"""


class ArchivedDays(NamedTuple):
    """The first and the last day whose occurrences are only in the archive."""

    first_day: date
    last_day: date


class _DayRow(TypedDict):
    day: date


class _SpanRow(TypedDict):
    first_day: date | None
    last_day: date | None


def mark_unarchived(conn: AnyConnection, days: Collection[date]) -> None:
    """Record days with occurrences that no object holds.

    The last statement of a transaction: another digest that records the same day waits for its end.
    """
    if days:
        execute(conn, _MARK, (sorted(days),))


def drop_archived_days(conn: AnyConnection, now: datetime, index_days: int) -> list[str]:
    """Drop the rows of days older than this that are in the archive as a whole; returns the partitions. Each is committed."""
    first_kept = now.astimezone(UTC).date() - timedelta(days=max(index_days, MIN_INDEX_DAYS))
    marked = {row["day"] for row in fetch_all(conn, _MARKED, (), _DayRow)}
    conn.commit()
    due = [day for day in list_days(conn, _TABLE) if day < first_kept and day not in marked]
    return drop_days(conn, _TABLE, due)


def forget_marks(conn: AnyConnection, oldest: date) -> None:
    """Forget marks of days that retention has dropped. The caller commits."""
    execute(conn, _UNMARK, (oldest,))


def find_archived_days(conn: AnyConnection) -> ArchivedDays | None:
    """The span of days whose occurrences are only in the archive; None if there is none."""
    row = fetch_one(conn, _SPAN, (), _SpanRow)
    if row is None or row["first_day"] is None or row["last_day"] is None:
        return None
    return ArchivedDays(row["first_day"], row["last_day"])
