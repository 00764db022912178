"""Lines of logs by level, and the share of sessions that did not crash by release."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from callwatch.db.core.connect import AnyConnection
from callwatch.db.error_queries.error_counts import Scope
from callwatch.db.ingest_queries.ingest_counts import find_hour
from callwatch.db.ingest_queries.log_counts import sum_lines
from callwatch.db.ingest_queries.session_counts import SessionRow, sum_sessions

if TYPE_CHECKING:
    from callwatch.models.shapes.error_metrics import CrashFree, LogLines

_DAY, _HOUR = timedelta(hours=24), timedelta(hours=1)
_RELEASES_SHOWN = 20


def read_log_lines(conn: AnyConnection, now: datetime, scope: Scope) -> LogLines:
    """The lines of logs of the last 24 hours and of the last one, by level; those that became errors are not among them."""
    since, recent = ((now - span).replace(second=0, microsecond=0) for span in (_DAY, _HOUR))
    rows = sum_lines(conn, since, recent, scope)
    return {
        "last_24h": {row["level"]: row["count"] for row in rows},
        "last_hour": {row["level"]: row["recent"] for row in rows if row["recent"]},
    }


def read_crash_free(conn: AnyConnection, now: datetime, scope: Scope) -> list[CrashFree]:
    """The sessions since the hour in which the last 24 hours begin, of the releases with most of them."""
    return [_compute_rate(row) for row in sum_sessions(conn, find_hour(now - _DAY), scope, _RELEASES_SHOWN)]


def _compute_rate(row: SessionRow) -> CrashFree:
    """The rate is None where ends arrived, and no beginning: the sessions began before."""
    sessions, crashed = row["sessions"], row["crashed"]
    return {
        "project": row["project_id"],
        "environment": row["environment"],
        "release": row["release"],
        "sessions": sessions,
        "errored": row["errored"],
        "crashed": crashed,
        "abnormal": row["abnormal"],
        "crash_free_rate": max(0.0, 1 - crashed / sessions) if sessions else None,
    }
