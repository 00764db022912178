"""GET /api/reports/weekly: one week in figures, as JSON, or as a page or a table where Accept prefers it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from callwatch.api.accept import choose_type
from callwatch.api.filters import read_text_filter
from callwatch.api.http import Request, Response
from callwatch.api.routes import GET_WEEKLY_REPORT
from callwatch.db import connection
from callwatch.reports.weekly.page import CONTENT_SECURITY_POLICY, render_html
from callwatch.reports.weekly.report import build_weekly
from callwatch.reports.weekly.table import render_csv
from callwatch.reports.weekly.week import find_week
from callwatch.runtime.endpoint import endpoint
from callwatch.settings import get_settings

if TYPE_CHECKING:
    from callwatch.models.shapes.reporting.weekly import WeeklyReport


def handle(request: Request) -> Response[WeeklyReport] | Response[str]:
    """`?week=2026-W48`; the last complete week by default. Weeks begin on Monday in TIMEZONE."""
    settings, now = get_settings(), datetime.now(UTC)
    week = find_week(read_text_filter(request, "week"), settings.timezone, now)
    with connection(statement_timeout_ms=5000) as conn:
        report = build_weekly(conn, settings, week, now)
    kind = choose_type(request.headers.get("accept", ""), ("application/json", "text/html", "text/csv"))
    if kind == "text/html":
        headers = {
            "content-type": "text/html; charset=utf-8",
            "content-security-policy": CONTENT_SECURITY_POLICY,
            "vary": "accept",
        }
        return Response(200, render_html(report), headers)
    if kind == "text/csv":
        disposition = f'attachment; filename="callwatch-{week.name}.csv"'
        headers = {"content-type": "text/csv; charset=utf-8", "content-disposition": disposition, "vary": "accept"}
        return Response(200, render_csv(report), headers)
    return Response(200, report, {"vary": "accept"})


lambda_handler = endpoint(GET_WEEKLY_REPORT)(handle)
