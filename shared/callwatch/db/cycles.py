"""The rows that the monitor's cycles leave."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from psycopg2.extras import Json

from callwatch.db.pool import Connection
from callwatch.db.query import execute, fetch_one

_INSERT = """
    INSERT INTO callwatch.monitor_cycles (started_at, finished_at, is_ok, steps)
    VALUES (%s, now(), %s, %s)
"""
_LAST = "SELECT started_at, finished_at, is_ok, steps FROM callwatch.monitor_cycles ORDER BY finished_at DESC LIMIT 1"
_LAST_WITH_STEP = """
    SELECT finished_at FROM callwatch.monitor_cycles
    WHERE finished_at > now() - interval '7 days'
      AND EXISTS (SELECT 1 FROM jsonb_array_elements(steps) step
                  WHERE step->>'name' = %s AND step->>'error' IS NULL)
    ORDER BY finished_at DESC LIMIT 1
"""
_DELETE = "DELETE FROM callwatch.monitor_cycles WHERE finished_at < %s"


def record_cycle(conn: Connection, started_at: datetime, steps: Sequence[dict[str, Any]]) -> None:
    """Keep how a cycle went; steps: name, duration_ms, error, details of each. The caller commits."""
    is_ok = all(step["error"] is None for step in steps)
    execute(conn, _INSERT, (started_at, is_ok, Json(list(steps))))


def last_cycle(conn: Connection) -> dict[str, Any] | None:
    """The cycle that finished last: started_at, finished_at, is_ok, steps; None before the first."""
    return fetch_one(conn, _LAST)


def last_success_at(conn: Connection, step: str) -> datetime | None:
    """When a cycle last finished whose step of this name succeeded, within 7 days."""
    row = fetch_one(conn, _LAST_WITH_STEP, (step,))
    return row["finished_at"] if row else None


def delete_cycles_before(conn: Connection, before: datetime) -> int:
    """Drop the rows of cycles that finished before a time; returns how many."""
    return execute(conn, _DELETE, (before,))
