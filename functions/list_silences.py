"""GET /api/silences: silences that have not ended, newest first."""

from datetime import UTC, datetime
from typing import Any

from callwatch.alerts.show import silence_item
from callwatch.db import connection
from callwatch.db.rule_states import active_silences
from callwatch.http import Request, encode_cursor, page_of, unprocessable
from callwatch.runtime.endpoint import endpoint


def handle(request: Request) -> dict[str, Any]:
    """A page of them."""
    page = page_of(request)
    if page.cursor is not None and not isinstance(page.cursor, int):
        raise unprocessable("cursor", "takes the next_cursor of an earlier answer")
    with connection(statement_timeout_ms=5000) as conn:
        rows = active_silences(conn, datetime.now(UTC), page.limit + 1, page.cursor)
    shown = rows[: page.limit]
    cursor = encode_cursor(shown[-1]["id"]) if len(rows) > page.limit else None
    return {"items": [silence_item(row) for row in shown], "next_cursor": cursor}


lambda_handler = endpoint("viewer")(handle)
