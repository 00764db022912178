"""GET /api/errors: error groups, the last seen first."""

from datetime import UTC, datetime
from typing import Any

from callwatch.db import connection
from callwatch.http import Request, encode_cursor, page_of, unprocessable
from callwatch.http_filters import choice_filter, number_filter, position_of, text_filter, time_filter
from callwatch.models.error import ErrorCategory, ErrorSeverity
from callwatch.reports.unknown import explained
from callwatch.runtime.endpoint import endpoint
from callwatch.tracker.groups import groups_page

_STATES = ("new", "unresolved", "resolved", "ignored", "regressed")


def handle(request: Request) -> dict[str, Any]:
    """Filters: state severity category environment release type project q tag since until."""
    page = page_of(request)
    before_at, before_id = position_of(page)
    filters = {
        "state": choice_filter(request, "state", _STATES),
        "severity": choice_filter(request, "severity", [severity.value for severity in ErrorSeverity]),
        "category": choice_filter(request, "category", [category.value for category in ErrorCategory]),
        **{name: text_filter(request, name) for name in ("environment", "release", "type", "q")},
        "tag": _tag(request),
        "project": number_filter(request, "project"),
        "since": time_filter(request, "since"),
        "until": time_filter(request, "until"),
        "before_at": before_at,
        "before_id": before_id,
    }
    with connection(statement_timeout_ms=5000) as conn:
        items, position = groups_page(conn, filters, page.limit, datetime.now(UTC))
    return explained({"items": items, "next_cursor": encode_cursor(position) if position else None})


def _tag(request: Request) -> str | None:
    tag = text_filter(request, "tag")
    if tag is not None and ":" not in tag:
        raise unprocessable("tag", "takes key:value")
    return tag


lambda_handler = endpoint("viewer")(handle)
