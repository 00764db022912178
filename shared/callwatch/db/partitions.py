"""Day partitions: made ahead in the monitor's cycle, dropped whole when their time has passed."""

from datetime import date, datetime, timedelta

from psycopg2 import sql

from callwatch.db.lock import lock_in_transaction
from callwatch.db.pool import Connection
from callwatch.db.query import fetch_all

# An event's own time is clamped to this window around its arrival (see callwatch.tracker), so that every row
# has its partition and no default partition is needed: one would have to be scanned whenever a day is added.
DAYS_BEHIND = 7
DAYS_AHEAD = 3

_PARTITIONS = """
    SELECT child.relname AS name
    FROM pg_inherits
    JOIN pg_class child ON child.oid = inhrelid
    JOIN pg_class parent ON parent.oid = inhparent
    JOIN pg_namespace space ON space.oid = parent.relnamespace
    WHERE space.nspname = 'callwatch' AND parent.relname = %s
"""


def ensure_partitions(
    conn: Connection, now: datetime, days_behind: int = DAYS_BEHIND, days_ahead: int = DAYS_AHEAD
) -> list[str]:
    """Make what is missing of each table's partitions around `now`; returns their names. The caller commits.

    Two at once do no harm: where any is missing, a lock lets one work and the other find it done.
    """
    wanted = [now.date() + timedelta(days=offset) for offset in range(-days_behind, days_ahead + 1)]
    missing = _missing(conn, wanted)
    if not missing:
        return []
    lock_in_transaction(conn, "partitions")
    missing = _missing(conn, wanted)
    for table, options, day in missing:
        _make(conn, table, options, day)
    return [partition_name(table, day) for table, _options, day in missing]


def drop_old_partitions(conn: Connection, now: datetime, retention_days: int) -> list[str]:
    """Drop the partitions of days that ended more than `retention_days` ago; returns their names. The caller commits."""
    oldest = now.date() - timedelta(days=retention_days)
    dropped = []
    for table in fetch_all(conn, "SELECT table_name FROM callwatch.partitioned_tables ORDER BY 1"):
        for name in _existing(conn, table["table_name"]):
            if partition_day(name) < oldest:
                with conn.cursor() as cursor:
                    cursor.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier("callwatch", name)))
                dropped.append(name)
    return dropped


def partition_name(table: str, day: date) -> str:
    """`error_logs` and a day -> `error_logs_p20261124`."""
    return f"{table}_p{day:%Y%m%d}"


def partition_day(name: str) -> date:
    """The day of a partition's name, whatever follows it."""
    digits = name.rpartition("_p")[2]
    return date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))


def _missing(conn: Connection, wanted: list[date]) -> list[tuple[str, str, date]]:
    missing = []
    tables = fetch_all(conn, "SELECT table_name, storage_options FROM callwatch.partitioned_tables ORDER BY 1")
    for table in tables:
        existing = _existing(conn, table["table_name"])
        missing += [
            (table["table_name"], table["storage_options"], day)
            for day in wanted
            if partition_name(table["table_name"], day) not in existing
        ]
    return missing


def _existing(conn: Connection, table: str) -> set[str]:
    return {row["name"] for row in fetch_all(conn, _PARTITIONS, (table,))}


def _make(conn: Connection, table: str, options: str, day: date) -> None:
    statement = sql.SQL("CREATE TABLE {} PARTITION OF {} FOR VALUES FROM ({}) TO ({}){}").format(
        sql.Identifier("callwatch", partition_name(table, day)),
        sql.Identifier("callwatch", table),
        sql.Literal(day.isoformat()),
        sql.Literal((day + timedelta(days=1)).isoformat()),
        # The options come from our own migrations, never from outside.
        sql.SQL(f" WITH ({options})" if options else ""),
    )
    with conn.cursor() as cursor:
        cursor.execute(statement)
