"""The figures of the product's pipeline, as data: what each needs, and the SQL that reads it.

A figure whose table or column is missing is unknown by itself; the others stay true. Every statement is bounded by
a window or by what an index on the open rows holds. Times without a zone are taken as UTC.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: its name, the columns it needs by table, and a query that gives one value (or NULL)."""

    name: str
    needs: Mapping[str, tuple[str, ...]]
    sql: str


_R = "pending_recordings"
_T = "transcription_queue"


def _recordings(name: str, columns: str, select: str, where: str) -> Figure:
    return Figure(f"recordings.{name}", {_R: tuple(columns.split())}, f"SELECT {select} FROM {_R} WHERE {where}")


def _transcriptions(name: str, columns: str, select: str, where: str) -> Figure:
    return Figure(f"transcriptions.{name}", {_T: tuple(columns.split())}, f"SELECT {select} FROM {_T} WHERE {where}")


_COUNT = "count(*)::float"
_FETCHED = "processed_at IS NOT NULL AND last_error IS NULL"
_HOUR = "interval '1 hour'"
_DAY = "interval '24 hours'"

FIGURES: tuple[Figure, ...] = (
    _recordings("total", "id", _COUNT, "true"),
    _recordings("pending", "processed_at", _COUNT, "processed_at IS NULL"),
    _recordings("retry_pending", "processed_at attempts", _COUNT, "processed_at IS NULL AND attempts > 0"),
    _recordings("zombie", "processed_at attempts", _COUNT, "processed_at IS NULL AND attempts >= 12"),
    _recordings("stale", "processed_at scheduled_for", _COUNT, "processed_at IS NULL AND scheduled_for < now() - interval '10 minutes'"),
    _recordings("oldest_pending", "processed_at created_at", "extract(epoch FROM min(created_at))::float", "processed_at IS NULL"),
    _recordings("failed", "processed_at last_error", _COUNT, f"processed_at > now() - {_DAY} AND last_error IS NOT NULL"),
    _recordings("failed_last_hour", "processed_at last_error", _COUNT, f"processed_at > now() - {_HOUR} AND last_error IS NOT NULL"),
    _recordings("completed", "processed_at last_error", _COUNT, f"processed_at > now() - {_DAY} AND {_FETCHED}"),
    _recordings("completed_last_hour", "processed_at last_error", _COUNT, f"processed_at > now() - {_HOUR} AND {_FETCHED}"),
    _recordings(
        "completed_10m", "processed_at last_error", _COUNT, f"processed_at > now() - interval '10 minutes' AND {_FETCHED}"
    ),
    _recordings(
        "avg_processing_time_ms", "processed_at created_at last_error",
        "avg(extract(epoch FROM processed_at - created_at) * 1000)::float", f"processed_at > now() - {_DAY} AND {_FETCHED}",
    ),
    _transcriptions("total", "id", _COUNT, "true"),
    _transcriptions("pending", "status", _COUNT, "status = 'pending'"),
    _transcriptions("processing", "status", _COUNT, "status = 'processing'"),
    _transcriptions("zombie", "status attempts", _COUNT, "status = 'pending' AND attempts >= 3"),
    _transcriptions("stuck", "status started_at", _COUNT, "status = 'processing' AND started_at < now() - interval '10 minutes'"),
    _transcriptions("oldest_pending", "status created_at", "extract(epoch FROM min(created_at))::float", "status = 'pending'"),
    # Failed rows keep completed_at NULL: the time of their last try stands for it.
    _transcriptions(
        "failed", "status started_at created_at", _COUNT,
        f"status = 'failed' AND coalesce(started_at, created_at) > now() - {_DAY}",
    ),
    _transcriptions("completed", "status completed_at", _COUNT, f"status = 'completed' AND completed_at > now() - {_DAY}"),
    _transcriptions("completed_last_hour", "status completed_at", _COUNT, f"status = 'completed' AND completed_at > now() - {_HOUR}"),
    _transcriptions(
        "completed_10m", "status completed_at", _COUNT, "status = 'completed' AND completed_at > now() - interval '10 minutes'"
    ),
    _transcriptions(
        "completed_today", "status completed_at", _COUNT,
        "status = 'completed' AND completed_at >= date_trunc('day', now() AT TIME ZONE %(timezone)s) AT TIME ZONE %(timezone)s",
    ),
    _transcriptions(
        "avg_duration_seconds", "status completed_at started_at", "avg(extract(epoch FROM completed_at - started_at))::float",
        f"status = 'completed' AND completed_at > now() - {_DAY}",
    ),
    Figure("calls.last_at", {"calls": ("created_at",)}, "SELECT extract(epoch FROM max(created_at))::float FROM calls"),
    Figure("calls.last_hour", {"calls": ("created_at",)}, f"SELECT {_COUNT} FROM calls WHERE created_at > now() - {_HOUR}"),
    *[
        Figure(
            f"analyses.{name}", {"call_events": ("at", "type")},
            f"SELECT {_COUNT} FROM call_events WHERE at > now() - {_HOUR} AND type IN ({types})",
        )
        for name, types in (
            ("completed", "'analyzed', 'rejection_analyzed'"),
            ("failed", "'analysis_failed', 'analyze_error'"),
        )
    ],
    Figure(
        "analyses.avg_time_ms", {"call_events": ("at", "type", "call_id"), "transcripts": ("call_id", "created_at")},
        "SELECT avg(extract(epoch FROM e.at - t.created_at) * 1000)::float FROM call_events e"
        f" JOIN transcripts t ON t.call_id = e.call_id WHERE e.at > now() - {_HOUR} AND e.type = 'analyzed'",
    ),
)  # fmt: skip
