"""Counts of refused requests: the reports of the execution environments, and their sums."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import execute, fetch_all
from callwatch.models.refusal import REFUSALS, Refusal

_INSERT = """
    INSERT INTO callwatch.refused_requests (report_id, reason, at, count)
    VALUES (%(report_id)s, %(reason)s, %(at)s, %(count)s) ON CONFLICT (report_id, reason) DO NOTHING
"""
_SUM = "SELECT reason, sum(count)::bigint AS count FROM callwatch.refused_requests WHERE at > %s AND at <= %s GROUP BY reason"
_DELETE = "DELETE FROM callwatch.refused_requests WHERE at < %s"


@dataclass(frozen=True, slots=True)
class RefusalReport:
    """What one execution environment counted since its last report."""

    report_id: str
    at: datetime
    counts: dict[Refusal, int]


class _SumRow(TypedDict):
    reason: str
    count: int


def insert_reports(conn: AnyConnection, reports: Iterable[RefusalReport]) -> int:
    """Store reports, each once; returns how many rows were new. The caller commits."""
    return sum(
        execute(conn, _INSERT, {"report_id": report.report_id, "reason": reason, "at": report.at, "count": count})
        for report in reports
        for reason, count in sorted(report.counts.items())
    )


def count_refusals(conn: AnyConnection, since: datetime, until: datetime) -> dict[Refusal, int]:
    """The reported count of each reason within a span."""
    found = {row["reason"]: row["count"] for row in fetch_all(conn, _SUM, (since, until), _SumRow)}
    return {reason: found.get(reason, 0) for reason in REFUSALS}


def delete_reports_before(conn: AnyConnection, before: datetime) -> int:
    """Delete old reports, and return how many rows; the caller commits."""
    return execute(conn, _DELETE, (before,))
