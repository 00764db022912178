"""Day partitions of every table registered in `callwatch.partitioned_tables`: created ahead, dropped when old.

There is no DEFAULT partition: rows in it would escape retention, and would block the creation of the partition that they belong
to. Instead, writers clamp a row's day to `compute_day_window`, and `ensure_partitions` keeps a partition for each day in it.
"""

import logging
import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

from psycopg2 import sql
from psycopg2.errors import DeadlockDetected, LockNotAvailable, UndefinedTable

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.lock import lock_in_transaction
from callwatch.db.core.query import execute, fetch_all
from callwatch.settings import get_settings

logger = logging.getLogger(__name__)

# An event may be 6 days old when it arrives, and a dead letter may return 14 days later: its day must not change.
DAYS_BEHIND = 21
DAYS_AHEAD = 7
# A client's clock may run ahead; a time after tomorrow is invalid.
SANE_DAYS_AHEAD = 1

_LOCK_WAIT_S = 10.0
_LOCK_TIMEOUT = "2s"
_STORAGE_OPTION = re.compile(r"[a-z_]+(\.[a-z_]+)? *= *[a-z0-9.]+")

_REGISTERED = "SELECT table_name, storage_options FROM callwatch.partitioned_tables ORDER BY table_name"
_EXISTING = """
    SELECT parent.relname AS table_name, child.relname AS partition_name
    FROM pg_inherits
    JOIN pg_class AS parent ON parent.oid = pg_inherits.inhparent
    JOIN pg_class AS child ON child.oid = pg_inherits.inhrelid
    JOIN callwatch.partitioned_tables AS registered ON registered.table_name = parent.relname
    WHERE parent.relnamespace = 'callwatch'::regnamespace
    ORDER BY child.relname
"""


def compute_day_window(now: datetime, retention_days: int | None = None) -> tuple[date, date]:
    """First and last UTC day that a row may belong to; writers clamp to it.

    retention_days: from the settings if left out; days that retention would drop at once are not created.
    """
    retention_days = get_settings().retention_days if retention_days is None else retention_days
    today = now.astimezone(UTC).date()
    return today - timedelta(days=min(DAYS_BEHIND, retention_days)), today + timedelta(days=SANE_DAYS_AHEAD)


def name_partition(table_name: str, day: date) -> str:
    """Name of a table's partition for one UTC day."""
    return f"{table_name}_p{day:%Y%m%d}"


def ensure_partitions(
    conn: AnyConnection, now: datetime, days_behind: int | None = None, days_ahead: int = DAYS_AHEAD
) -> list[str]:
    """Create the missing day partitions and return their names; the caller commits.

    Safe when several processes do it at once. If nothing is missing, it is one query and takes no lock. Raises LockUnavailable
    if another process keeps creating partitions for too long.
    """
    first_day, _ = compute_day_window(now)
    today = now.astimezone(UTC).date()
    if days_behind is not None:
        first_day = today - timedelta(days=days_behind)
    last_day = today + timedelta(days=days_ahead)
    days = [first_day + timedelta(days=offset) for offset in range((last_day - first_day).days + 1)]
    if not _list_missing(conn, days):
        return []
    lock_in_transaction(conn, "partitions", _LOCK_WAIT_S)
    execute(conn, "SELECT set_config('lock_timeout', %s, true)", (_LOCK_TIMEOUT,))
    made = []
    # Queried again under the lock: its previous holder may have created them.
    for table_name, storage_options, day in _list_missing(conn, days):
        _make(conn, table_name, storage_options, day)
        made.append(name_partition(table_name, day))
    return made


def drop_old_partitions(conn: AnyConnection, now: datetime, retention_days: int) -> list[str]:
    """Drop the partitions of days older than the retention, and return their names.

    Each drop is committed at once, because it locks the parent; the caller must have no uncommitted work. A partition in use is
    left for the next time, so that no session waits long behind us.
    """
    oldest_kept = now.astimezone(UTC).date() - timedelta(days=retention_days)
    return _drop(conn, _list_older_than(conn, oldest_kept))


def list_days(conn: AnyConnection, table_name: str) -> list[date]:
    """The days of which a table has partitions, oldest first."""
    names = [row["partition_name"] for row in fetch_all(conn, _EXISTING) if row["table_name"] == table_name]
    endings = [name.removeprefix(f"{table_name}_p") for name in names]
    return [date.fromisoformat(ending) for ending in endings if re.fullmatch(r"\d{8}", ending)]


def drop_days(conn: AnyConnection, table_name: str, days: Iterable[date]) -> list[str]:
    """Drop the partitions of some days of one table, as `drop_old_partitions` does, and return their names."""
    return _drop(conn, [name_partition(table_name, day) for day in days])


def _drop(conn: AnyConnection, names: Iterable[str]) -> list[str]:
    dropped = []
    for name in names:
        try:
            execute(conn, "SELECT set_config('lock_timeout', %s, true)", (_LOCK_TIMEOUT,))
            execute(conn, sql.SQL("DROP TABLE {}").format(sql.Identifier("callwatch", name)))
            conn.commit()
            dropped.append(name)
        except (LockNotAvailable, DeadlockDetected, UndefinedTable) as error:
            conn.rollback()
            logger.info("partition left for the next time", extra={"partition": name, "why": type(error).__name__})
    return dropped


def _list_missing(conn: AnyConnection, days: list[date]) -> list[tuple[str, str, date]]:
    existing = {row["partition_name"] for row in fetch_all(conn, _EXISTING)}
    return [
        (row["table_name"], row["storage_options"], day)
        for row in fetch_all(conn, _REGISTERED)
        for day in days
        if name_partition(row["table_name"], day) not in existing
    ]


def _list_older_than(conn: AnyConnection, oldest_kept: date) -> list[str]:
    return [
        row["partition_name"]
        for row in fetch_all(conn, _EXISTING)
        if row["partition_name"] < name_partition(row["table_name"], oldest_kept)
        and re.fullmatch(r"_p\d{8}", row["partition_name"].removeprefix(row["table_name"]))
    ]


def _make(conn: AnyConnection, table_name: str, storage_options: str, day: date) -> None:
    """Create a partition separately and attach it: unlike PARTITION OF, that blocks neither readers nor writers."""
    parts = {
        "parent": sql.Identifier("callwatch", table_name),
        "partition": sql.Identifier("callwatch", name_partition(table_name, day)),
        "storage": sql.SQL(_compose_storage_clause(table_name, storage_options)),
        "start": sql.Literal(f"{day:%Y-%m-%d} 00:00:00+00"),
        "end": sql.Literal(f"{day + timedelta(days=1):%Y-%m-%d} 00:00:00+00"),
    }
    likeness = (
        "CREATE TABLE {partition} (LIKE {parent} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING GENERATED"
        " INCLUDING STORAGE INCLUDING COMPRESSION){storage}"
    )
    attachment = "ALTER TABLE {parent} ATTACH PARTITION {partition} FOR VALUES FROM ({start}) TO ({end})"
    execute(conn, sql.SQL(likeness).format(**parts))
    execute(conn, sql.SQL(attachment).format(**parts))


def _compose_storage_clause(table_name: str, storage_options: str) -> str:
    options = [option.strip() for option in storage_options.split(",") if option.strip()]
    for option in options:
        if not _STORAGE_OPTION.fullmatch(option):
            raise ValueError(f"storage options of {table_name}: {option!r} must be name=value")
    return f" WITH ({', '.join(options)})" if options else ""
