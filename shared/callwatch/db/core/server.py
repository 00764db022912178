"""Figures that the server reports about itself: sessions, locks, replication, storage.

A role without pg_read_all_stats sees other roles' sessions only in part; figures that would be wrong are unknown then.
"""

from dataclasses import dataclass, field
from typing import Generic, TypedDict, TypeVar

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import fetch_one
from callwatch.models.reason import Reason

HIDDEN = Reason("unavailable", "sessions of other roles are hidden: GRANT pg_read_all_stats to the monitor's role")
# A hidden session has a database, but no backend_type.
_SESSIONS = """
    WITH sessions AS (
        SELECT * FROM pg_stat_activity
        WHERE backend_type = 'client backend' OR (backend_type IS NULL AND datid IS NOT NULL)
    ), replicas AS (
        SELECT replay_lsn, replay_lag, state IS NULL AS is_hidden
        FROM pg_stat_replication WHERE state IS DISTINCT FROM 'backup'
    )
    SELECT count(*) FILTER (WHERE backend_type IS NULL) AS hidden,
           count(*) FILTER (WHERE state = 'active') AS active,
           count(*) FILTER (WHERE state <> 'active') AS idle,
           count(*) AS total,
           current_setting('max_connections')::int AS max,
           current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
               - coalesce(current_setting('reserved_connections', true)::int, 0) AS usable,
           round((max(extract(epoch FROM clock_timestamp() - query_start))
                  FILTER (WHERE state = 'active' AND pid <> pg_backend_pid()))::numeric, 3)::float AS longest_query_s,
           count(*) FILTER (WHERE wait_event_type = 'Lock') AS waiting_for_locks,
           pg_is_in_recovery() AS is_replica,
           (SELECT count(*) FROM replicas) AS replicas,
           (SELECT count(*) FROM replicas WHERE is_hidden) AS hidden_replicas,
           CASE WHEN NOT pg_is_in_recovery() THEN (
                    SELECT max(CASE WHEN replay_lsn >= pg_current_wal_lsn() THEN 0 ELSE extract(epoch FROM replay_lag) END)
                    FROM replicas)
                WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
                ELSE extract(epoch FROM now() - pg_last_xact_replay_timestamp())
           END::float AS replication_lag_s
    FROM sessions
"""
_STORAGE = """
    SELECT round(pg_database_size(current_database()) / 1048576.0, 1)::float AS size_mb,
           round(100.0 * blks_hit / nullif(blks_hit + blks_read, 0), 2)::float AS cache_hit_percent,
           deadlocks
    FROM pg_stat_database WHERE datname = current_database()
"""
_OF_SESSIONS = ("active", "idle", "longest_query_s", "waiting_for_locks")
Values = TypeVar("Values")


class Sessions(TypedDict):
    """Client sessions of the server. usable: max without the sessions that are reserved for other roles."""

    active: int | None
    idle: int | None
    total: int
    max: int
    usable: int
    longest_query_s: float | None
    waiting_for_locks: int | None
    replication_lag_s: float | None


class Storage(TypedDict):
    """This database: its size, its cache, and its deadlocks since the statistics began."""

    size_mb: float
    cache_hit_percent: float | None
    deadlocks: int


class _SessionsRow(Sessions):
    hidden: int
    is_replica: bool
    replicas: int
    hidden_replicas: int


@dataclass(slots=True)
class ServerFigures(Generic[Values]):
    """Figures by name; a figure that is None has its reason in `unknown`."""

    values: Values
    unknown: dict[str, Reason] = field(default_factory=dict)


def read_sessions(conn: AnyConnection) -> ServerFigures[Sessions]:
    """Read the sessions; those of other roles may be hidden."""
    row = fetch_one(conn, _SESSIONS, (), _SessionsRow)
    assert row is not None
    is_hidden = bool(row["hidden"])
    values: Sessions = {
        "active": None if is_hidden else row["active"],
        "idle": None if is_hidden else row["idle"],
        "total": row["total"],
        "max": row["max"],
        "usable": row["usable"],
        "longest_query_s": None if is_hidden else row["longest_query_s"],
        "waiting_for_locks": None if is_hidden else row["waiting_for_locks"],
        "replication_lag_s": row["replication_lag_s"],
    }
    found = ServerFigures(values)
    if is_hidden:
        found.unknown |= dict.fromkeys(_OF_SESSIONS, HIDDEN)
    elif row["longest_query_s"] is None:
        found.unknown["longest_query_s"] = Reason("none", "no other query runs")
    if row["replication_lag_s"] is None:
        found.unknown["replication_lag_s"] = _explain_no_lag(row)
    return found


def has_no_free_session(sessions: Sessions) -> bool:
    """Whether the server would refuse an ordinary role a further session now. A pool that holds one itself does not notice."""
    return sessions["usable"] > 0 and sessions["total"] >= sessions["usable"]


def read_storage(conn: AnyConnection) -> ServerFigures[Storage]:
    """Read the storage of this database."""
    row = fetch_one(conn, _STORAGE, (), Storage)
    assert row is not None
    found = ServerFigures(row)
    if row["cache_hit_percent"] is None:
        found.unknown["cache_hit_percent"] = Reason("none", "nothing was read yet")
    return found


def _explain_no_lag(row: _SessionsRow) -> Reason:
    if row["hidden_replicas"]:
        return HIDDEN
    if row["replicas"] or row["is_replica"]:
        return Reason("unavailable", "no replica reports its lag")
    return Reason("none", "there is no replica")
