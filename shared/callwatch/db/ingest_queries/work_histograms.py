"""Runs of functions and jobs, by minute, name and duration."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypedDict

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import execute, fetch_all
from callwatch.db.core.values import add_to_counters
from callwatch.models.latency import find_bucket
from callwatch.models.work import WorkKind, WorkRun

_ADD = """
    INSERT INTO callwatch.work_histograms AS known
        (minute, project_id, environment, kind, name, bucket, count, failures, total_ms)
    VALUES %s ON CONFLICT (minute, project_id, environment, kind, name, bucket)
    DO UPDATE SET count = known.count + EXCLUDED.count, failures = known.failures + EXCLUDED.failures,
                  total_ms = known.total_ms + EXCLUDED.total_ms
"""
# Project 0 is the monitor itself.
_SUMS = """
    WITH busiest AS (
        SELECT kind, name FROM callwatch.work_histograms
        WHERE minute >= %(since)s AND minute < %(until)s AND project_id <> 0
        GROUP BY kind, name ORDER BY sum(count) DESC, kind, name LIMIT %(most)s
    )
    SELECT kind, name, bucket, sum(count)::bigint AS count, sum(failures)::bigint AS failures, sum(total_ms) AS total_ms
    FROM callwatch.work_histograms JOIN busiest USING (kind, name)
    WHERE minute >= %(since)s AND minute < %(until)s AND project_id <> 0
    GROUP BY kind, name, bucket
"""
_TOTALS = """
    SELECT coalesce(sum(count), 0)::bigint AS runs, coalesce(sum(failures), 0)::bigint AS failures
    FROM callwatch.work_histograms WHERE minute >= %(since)s AND minute < %(until)s AND project_id <> 0
"""


class WorkRow(TypedDict):
    """Runs of one name in one bucket of durations (of models.latency)."""

    kind: WorkKind
    name: str
    bucket: int
    count: int
    failures: int
    total_ms: float


class WorkTotals(TypedDict):
    """All runs, and those that failed."""

    runs: int
    failures: int


def add_runs(conn: AnyConnection, runs: Sequence[tuple[int, WorkRun]]) -> None:
    """Count runs, each with its project. The caller commits."""
    sums: dict[tuple[object, ...], list[float]] = {}
    for project_id, run in runs:
        minute = run.ended_at.replace(second=0, microsecond=0)
        key = (minute, project_id, run.environment[:100], run.kind, run.name[:300], find_bucket(run.took_ms))
        entry = sums.setdefault(key, [0, 0, 0.0])
        entry[0] += 1
        entry[1] += run.has_failed
        entry[2] += run.took_ms
    add_to_counters(conn, _ADD, sums)


def read_work_between(conn: AnyConnection, since: datetime, until: datetime, most: int) -> list[WorkRow]:
    """The runs of the busiest names; whole minutes."""
    return fetch_all(conn, _SUMS, {"since": since, "until": until, "most": most}, WorkRow)


def sum_work(conn: AnyConnection, since: datetime, until: datetime) -> WorkTotals:
    """All runs of whole minutes."""
    return fetch_all(conn, _TOTALS, {"since": since, "until": until}, WorkTotals)[0]


def delete_work_before(conn: AnyConnection, before: datetime) -> None:
    """Delete old counts; the caller commits."""
    execute(conn, "DELETE FROM callwatch.work_histograms WHERE minute < %s", (before,))
