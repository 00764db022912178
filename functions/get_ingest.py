"""GET /api/ingest: what was accepted, refused and cut, and what clients report as discarded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from callwatch.api.filters import read_number_filter, read_time_filter
from callwatch.api.http import Page, Request, build_cursor_error, encode_cursor, read_page
from callwatch.api.routes import GET_INGEST
from callwatch.db import connection
from callwatch.db.ingest_queries.ingest_counts import find_hour
from callwatch.db.queries.refused_requests import count_refusals
from callwatch.reports.ingest import Position, list_ingest_counts
from callwatch.runtime.endpoint import endpoint

if TYPE_CHECKING:
    from callwatch.models.shapes.ingest import IngestPage

_WINDOW = timedelta(hours=24)
_MAX_PROJECT_ID = 2**31


def handle(request: Request) -> IngestPage:
    """Filters: project, since (the start of its hour; 24 hours ago without it)."""
    now = datetime.now(UTC)
    page = read_page(request)
    after = _read_after(page)
    project_id = read_number_filter(request, "project")
    since = find_hour(read_time_filter(request, "since") or now - _WINDOW)
    with connection(statement_timeout_ms=5000) as conn:
        items, position = list_ingest_counts(conn, since, project_id, after, page.limit)
        refused = count_refusals(conn, since, now)
    return {
        "timestamp": now,
        "since": since,
        "items": items,
        "next_cursor": encode_cursor(position) if position else None,
        "refused_requests": {str(reason): count for reason, count in refused.items()},
        "unknown": {},
    }


def _read_after(page: Page) -> Position | None:
    """The position of a cursor. Raises Invalid for a cursor of another list."""
    match page.cursor:
        case None:
            return None
        case [int(project_id), str(sdk), str(category)] if 0 <= project_id < _MAX_PROJECT_ID and not isinstance(project_id, bool):
            return project_id, sdk, category
    raise build_cursor_error()


lambda_handler = endpoint(GET_INGEST)(handle)
