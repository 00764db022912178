"""GET /api/silences: silences that have not ended, newest first."""

from datetime import UTC, datetime
from typing import Any

from callwatch.alerts.show import silence_item
from callwatch.db import connection
from callwatch.db.rule_states import active_silences
from callwatch.http import Request, encode_cursor, page_of, unprocessable
from callwatch.http_filters import text_filter
from callwatch.runtime.endpoint import endpoint


def handle(request: Request) -> dict[str, Any]:
    """A page of them. Filters: rule_id, of what they mute; q, in their reason and what they mute."""
    page = page_of(request)
    if page.cursor is not None and not isinstance(page.cursor, int):
        raise unprocessable("cursor", "takes the next_cursor of an earlier answer")
    rule_id, words = text_filter(request, "rule_id"), text_filter(request, "q")
    with connection(statement_timeout_ms=5000) as conn:
        rows = active_silences(conn, datetime.now(UTC), page.limit + 1, page.cursor, rule_id, words)
    shown = rows[: page.limit]
    cursor = encode_cursor(shown[-1]["id"]) if len(rows) > page.limit else None
    return {"items": [silence_item(row) for row in shown], "next_cursor": cursor, "unknown": {}}


lambda_handler = endpoint("viewer")(handle)
