"""GET /api/access: who accessed personal data, newest first, for an auditor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callwatch.api.filters import read_position, read_text_filter, read_time_filter
from callwatch.api.http import Request, encode_cursor, read_page
from callwatch.api.routes import LIST_ACCESS
from callwatch.db import connection
from callwatch.db.report_queries.access_log import AccessFilters, list_records
from callwatch.reports.missing_values import explain_nulls
from callwatch.runtime.endpoint import endpoint
from callwatch.scrubbing.identities import hash_identity
from callwatch.settings import get_settings

if TYPE_CHECKING:
    from callwatch.models.shapes.reporting.access import AccessPage, AccessRecord


def handle(request: Request) -> AccessPage:
    """Filters: subject and actor, as the product sent them; since until."""
    page, key = read_page(request), get_settings().user_hash_key
    before_at, before_id = read_position(page)
    subject, actor = read_text_filter(request, "subject"), read_text_filter(request, "actor")
    filters: AccessFilters = {
        "subject": hash_identity("subject", subject, key) if subject else None,
        "actor": hash_identity("actor", actor, key) if actor else None,
        "since": read_time_filter(request, "since"),
        "until": read_time_filter(request, "until"),
        "before_at": before_at,
        "before_id": before_id,
    }
    with connection(statement_timeout_ms=5000) as conn:
        rows = list_records(conn, filters, page.limit + 1)
    shown = rows[: page.limit]
    items: list[AccessRecord] = [{**row, "id": str(row["id"])} for row in shown]
    cursor = encode_cursor((shown[-1]["at"].isoformat(), shown[-1]["id"])) if len(rows) > page.limit else None
    return {"items": items, "next_cursor": cursor, "unknown": explain_nulls({"items": items})}


lambda_handler = endpoint(LIST_ACCESS)(handle)
