"""The rows of `callwatch.monitor_cycles`: one per cycle, with the duration and the outcome of each step."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol, TypedDict

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import execute, fetch_all, fetch_one

LATE_AFTER = timedelta(minutes=3)
_COUNTED = 10
_INSERT = """
    INSERT INTO callwatch.monitor_cycles (started_at, duration_ms, is_ok, steps)
    VALUES (%(started_at)s, %(duration_ms)s, %(is_ok)s, %(steps)s)
"""
# A row that a wrong clock dated ahead is no sign of life: it would vouch for a dead monitor until its date.
_NOT_AHEAD = "finished_at <= clock_timestamp() + interval '1 minute'"
_DELETE = "DELETE FROM callwatch.monitor_cycles WHERE finished_at < %s"
_LAST = f"""
    SELECT id, started_at, finished_at, duration_ms, is_ok, steps
    FROM callwatch.monitor_cycles WHERE {_NOT_AHEAD} ORDER BY finished_at DESC LIMIT 1
"""
_LAST_AT = f"""
    SELECT (SELECT max(finished_at) FROM callwatch.monitor_cycles WHERE {_NOT_AHEAD}) AS finished_at,
           (SELECT min(applied_at) FROM callwatch.migrations) AS waiting_since
"""
_SIGNS = f"""
    WITH signs AS (
        SELECT (SELECT max(finished_at) FROM callwatch.monitor_cycles WHERE {_NOT_AHEAD}) AS finished_at,
               (SELECT max(finished_at) FROM callwatch.monitor_cycles WHERE is_evaluated AND {_NOT_AHEAD}) AS evaluated_at,
               (SELECT min(applied_at) FROM callwatch.migrations) AS waiting_since
    )
    SELECT *, (
        SELECT count(*) FROM (
            SELECT FROM callwatch.monitor_cycles
            WHERE finished_at > coalesce(evaluated_at, '-infinity') AND {_NOT_AHEAD} ORDER BY finished_at DESC LIMIT %(counted)s
        ) AS missed
    ) AS missed,
    (SELECT jsonb_path_query_first(steps, '$[*] ? (@.name == "evaluate").error') #>> '{{}}'
     FROM callwatch.monitor_cycles WHERE {_NOT_AHEAD} ORDER BY finished_at DESC LIMIT 1) AS error
    FROM signs
"""
_RECENT = f"""
    SELECT is_evaluated FROM callwatch.monitor_cycles WHERE {_NOT_AHEAD} ORDER BY finished_at DESC LIMIT %s
"""
# A cycle whose check found that the database refuses writes is no sign that it accepts them.
_TAKING_WRITES = """ AND NOT jsonb_path_exists(steps, '$[*].details.services ? (@.database == "unhealthy")')"""
_FIRST_AFTER = "SELECT min(finished_at) AS finished_at FROM callwatch.monitor_cycles WHERE finished_at > %s" + _TAKING_WRITES
_LAST_SUCCESS = """
    SELECT finished_at FROM callwatch.monitor_cycles
    WHERE finished_at > clock_timestamp() - interval '7 days' AND finished_at <= clock_timestamp() + interval '1 minute'
      AND EXISTS (
          SELECT FROM jsonb_array_elements(steps) AS step WHERE step->>'name' = %s AND step->>'error' IS NULL
      )
    ORDER BY finished_at DESC LIMIT 1
"""


# Newest first, and few: a flush that could not empty the queue says how old the oldest message is that remained.
_STORED_UNTIL = f"""
    SELECT started_at - CASE WHEN (flush->>'is_drained')::boolean THEN interval '0 seconds'
                             ELSE make_interval(secs => (flush->>'oldest_s')::float) END AS finished_at
    FROM (SELECT started_at, finished_at,
                 jsonb_path_query_first(steps, '$[*] ? (@.name == "flush" && @.error == null).details') AS flush
          FROM callwatch.monitor_cycles WHERE {_NOT_AHEAD} ORDER BY finished_at DESC LIMIT 1500) AS recent
    WHERE flush IS NOT NULL ORDER BY finished_at DESC LIMIT 1
"""


class StepOutcome(Protocol):
    """What a step leaves behind: `error` is None if it succeeded."""

    @property
    def name(self) -> str:
        """The step's name."""

    @property
    def duration_ms(self) -> float:
        """Its duration in milliseconds."""

    @property
    def error(self) -> str | None:
        """Why it failed."""

    @property
    def details(self) -> Mapping[str, object]:
        """Details of its work, as JSON accepts them."""


class StepRow(TypedDict):
    """The result of a step; error is None if it succeeded."""

    name: str
    duration_ms: float
    error: str | None
    details: dict[str, Any]


class _LastRow(TypedDict):
    finished_at: datetime | None
    waiting_since: datetime


class _SignsRow(TypedDict):
    finished_at: datetime | None
    evaluated_at: datetime | None
    waiting_since: datetime
    missed: int
    error: str | None


class _EndRow(TypedDict):
    finished_at: datetime | None


class _EvaluatedRow(TypedDict):
    is_evaluated: bool


class CycleRow(TypedDict):
    """A cycle of the monitor, with the result of each of its steps."""

    id: int
    started_at: datetime
    finished_at: datetime
    duration_ms: float
    is_ok: bool
    steps: list[StepRow]


def record_cycle(conn: AnyConnection, started_at: datetime, steps: Sequence[StepOutcome]) -> None:
    """Write the row of a cycle that ends now; the caller commits."""
    rows: list[StepRow] = [
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


def read_last_cycle(conn: AnyConnection) -> CycleRow | None:
    """The cycle that ended last; None before the first."""
    return fetch_one(conn, _LAST, (), CycleRow)


def read_last_cycle_at(conn: AnyConnection) -> tuple[datetime | None, datetime]:
    """When the last cycle ended (None before the first), and since when one could have."""
    row = fetch_one(conn, _LAST_AT, (), _LastRow)
    assert row is not None
    return row["finished_at"], row["waiting_since"]


@dataclass(frozen=True, slots=True)
class Signs:
    """The monitor's signs of life: when its last cycle ended, when its last evaluation of the rules ended, and since when one
    was possible.

    missed: later cycles that did not evaluate, counted up to a limit. error: what ended the evaluation of the last one.
    """

    finished_at: datetime | None
    evaluated_at: datetime | None
    waiting_since: datetime
    missed: int
    error: str | None

    def is_late(self, now: datetime) -> bool:
        """Whether no evaluation happened for three minutes; before the first cycle they begin when the tables were created."""
        return now - (self.evaluated_at or self.waiting_since) > LATE_AFTER

    def find_not_evaluated_since(self, now: datetime) -> datetime | None:
        """Since when rules have not been evaluated; None if the last cycle evaluated them and is not too long ago."""
        return (self.evaluated_at or self.waiting_since) if self.missed or self.is_late(now) else None


def read_signs(conn: AnyConnection) -> Signs:
    """The signs of life of any monitor that ran."""
    row = fetch_one(conn, _SIGNS, {"counted": _COUNTED}, _SignsRow)
    assert row is not None
    return Signs(**row)


def list_recent_evaluations(conn: AnyConnection, count: int) -> list[bool]:
    """Whether each of the last `count` cycles evaluated the rules, the oldest first."""
    return [row["is_evaluated"] for row in reversed(fetch_all(conn, _RECENT, (count,), _EvaluatedRow))]


def find_first_cycle_after(conn: AnyConnection, at: datetime) -> datetime | None:
    """When the first cycle after a time ended that could write its row; None if there was none."""
    row = fetch_one(conn, _FIRST_AFTER, (at,), _EndRow)
    return row["finished_at"] if row else None


def find_last_success_at(conn: AnyConnection, step: str) -> datetime | None:
    """When the last cycle of the past 7 days ended whose step of this name succeeded; None: never."""
    row = fetch_one(conn, _LAST_SUCCESS, (step,), _EndRow)
    return row["finished_at"] if row else None


def find_stored_until(conn: AnyConnection) -> datetime | None:
    """The time up to which everything that was accepted is stored, as the last cycles found; None if none of them did."""
    row = fetch_one(conn, _STORED_UNTIL, (), _EndRow)
    return row["finished_at"] if row else None


def delete_cycles_before(conn: AnyConnection, before: datetime) -> int:
    """Delete the rows of cycles that ended before a time, and return how many; the caller commits."""
    return execute(conn, _DELETE, (before,))
