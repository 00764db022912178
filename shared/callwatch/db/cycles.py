"""The rows of `callwatch.monitor_cycles`: one a cycle, with the duration and the outcome of each step."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from callwatch.db.connect import AnyConnection
from callwatch.db.query import execute, fetch_one

_INSERT = """
    INSERT INTO callwatch.monitor_cycles (started_at, duration_ms, is_ok, steps)
    VALUES (%(started_at)s, %(duration_ms)s, %(is_ok)s, %(steps)s)
"""
_DELETE = "DELETE FROM callwatch.monitor_cycles WHERE finished_at < %s"
_LAST = """
    SELECT id, started_at, finished_at, duration_ms, is_ok, steps
    FROM callwatch.monitor_cycles ORDER BY finished_at DESC LIMIT 1
"""
_LAST_AT = """
    SELECT (SELECT max(finished_at) FROM callwatch.monitor_cycles) AS finished_at,
           (SELECT min(applied_at) FROM callwatch.migrations) AS waiting_since
"""
_FIRST_AFTER = "SELECT min(finished_at) AS finished_at FROM callwatch.monitor_cycles WHERE finished_at > %s"
_LAST_SUCCESS = """
    SELECT finished_at FROM callwatch.monitor_cycles
    WHERE finished_at > clock_timestamp() - interval '7 days'
      AND EXISTS (
          SELECT FROM jsonb_array_elements(steps) AS step WHERE step->>'name' = %s AND step->>'error' IS NULL
      )
    ORDER BY finished_at DESC LIMIT 1
"""


class StepOutcome(Protocol):
    """What a step leaves behind: `error` is None where it did what it is for."""

    @property
    def name(self) -> str:
        """The step's name."""

    @property
    def duration_ms(self) -> float:
        """How long it took."""

    @property
    def error(self) -> str | None:
        """Why it failed."""

    @property
    def details(self) -> Mapping[str, Any]:
        """What it did, as JSON takes it."""


def record_cycle(conn: AnyConnection, started_at: datetime, steps: Sequence[StepOutcome]) -> None:
    """Write the row of a cycle that ends now; the caller commits."""
    rows = [
        {"name": step.name, "duration_ms": step.duration_ms, "error": step.error, "details": dict(step.details)} for step in steps
    ]
    execute(
        conn,
        _INSERT,
        {
            "started_at": started_at,
            "duration_ms": sum(step.duration_ms for step in steps),
            "is_ok": all(step.error is None for step in steps),
            "steps": json.dumps(rows, default=str),
        },
    )


def last_cycle(conn: AnyConnection) -> dict[str, Any] | None:
    """The cycle that ended last: id, started_at, finished_at, duration_ms, is_ok, steps; None before the first."""
    return fetch_one(conn, _LAST)


def last_cycle_at(conn: AnyConnection) -> tuple[datetime | None, datetime]:
    """When the last cycle ended (None before the first), and since when one could have."""
    row = fetch_one(conn, _LAST_AT) or {}
    return row["finished_at"], row["waiting_since"]


def first_cycle_after(conn: AnyConnection, at: datetime) -> datetime | None:
    """When the first cycle after a time ended that could write its row; None: there was none."""
    row = fetch_one(conn, _FIRST_AFTER, (at,))
    return row["finished_at"] if row else None


def last_success_at(conn: AnyConnection, step: str) -> datetime | None:
    """When the last cycle of the past 7 days ended whose step of this name did what it is for; None: never."""
    row = fetch_one(conn, _LAST_SUCCESS, (step,))
    return row["finished_at"] if row else None


def delete_cycles_before(conn: AnyConnection, before: datetime) -> int:
    """Drop the rows of cycles that ended before a time, and return how many; the caller commits."""
    return execute(conn, _DELETE, (before,))
