"""GET /api/silences: silences that have not ended, newest first."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from callwatch.alerts.silencing.items import serialize_silences
from callwatch.api.filters import read_id_position, read_text_filter
from callwatch.api.http import Request, encode_cursor, read_page
from callwatch.api.routes import LIST_SILENCES
from callwatch.db import connection
from callwatch.db.alert_queries.silences import list_silences
from callwatch.reports.missing_values import explain_nulls
from callwatch.runtime.endpoint import endpoint

if TYPE_CHECKING:
    from callwatch.models.shapes.alerts import SilencePage


def handle(request: Request) -> SilencePage:
    """One page, with what each mutes now. Filters: rule_id, a rule that they mute; q, text in their reason or matchers."""
    page = read_page(request)
    before = read_id_position(page)
    rule_id, words = read_text_filter(request, "rule_id"), read_text_filter(request, "q")
    now = datetime.now(UTC)
    with connection(statement_timeout_ms=5000) as conn:
        rows = list_silences(conn, now, page.limit + 1, before, rule_id, words)
        shown = rows[: page.limit]
        items = serialize_silences(conn, shown, now)
    cursor = encode_cursor(shown[-1]["id"]) if len(rows) > page.limit else None
    return {"items": items, "next_cursor": cursor, "unknown": explain_nulls({"items": items})}


lambda_handler = endpoint(LIST_SILENCES)(handle)
