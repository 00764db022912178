"""What the server says of itself: sessions, locks, replication, storage.

A role without pg_read_all_stats sees the sessions of others only in part; what would be counted wrong is unknown then.
"""

from dataclasses import dataclass, field
from typing import Any

from callwatch.db.connect import AnyConnection
from callwatch.db.query import fetch_one

HIDDEN = "sessions of other roles are hidden: GRANT pg_read_all_stats to the monitor's role"
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


@dataclass(slots=True)
class ServerFigures:
    """Figures by name; one that is None has its reason in `unknown`."""

    values: dict[str, Any]
    unknown: dict[str, str] = field(default_factory=dict)


def session_figures(conn: AnyConnection) -> ServerFigures:
    """active, idle, total, max (client sessions), longest_query_s, waiting_for_locks, replication_lag_s."""
    row = fetch_one(conn, _SESSIONS) or {}
    found = ServerFigures({name: row[name] for name in (*_OF_SESSIONS, "total", "max", "replication_lag_s")})
    if row["hidden"]:
        found.values |= dict.fromkeys(_OF_SESSIONS)
        found.unknown |= dict.fromkeys(_OF_SESSIONS, HIDDEN)
    elif row["longest_query_s"] is None:
        found.unknown["longest_query_s"] = "no other query runs"
    if row["replication_lag_s"] is None:
        found.unknown["replication_lag_s"] = _why_no_lag(row)
    return found


def storage_figures(conn: AnyConnection) -> ServerFigures:
    """size_mb, cache_hit_percent, deadlocks (since the statistics began) of this database."""
    found = ServerFigures(fetch_one(conn, _STORAGE) or {})
    if found.values["cache_hit_percent"] is None:
        found.unknown["cache_hit_percent"] = "nothing was read yet"
    return found


def _why_no_lag(row: dict[str, Any]) -> str:
    if row["hidden_replicas"]:
        return HIDDEN
    return "no replica has told its lag" if row["replicas"] or row["is_replica"] else "there is no replica"
