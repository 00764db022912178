"""GET /api/rules: every alert rule with its state and last value."""

from typing import Any

from callwatch.alerts.manager import alert_manager
from callwatch.alerts.show import rule_items
from callwatch.db import connection
from callwatch.http import Request, encode_cursor, page_of, unprocessable
from callwatch.http_filters import choice_filter, text_filter
from callwatch.models.alert import AlertLevel
from callwatch.reports.unknown import explained
from callwatch.runtime.endpoint import endpoint
from callwatch.settings import get_settings

_STATES = ("ok", "pending", "firing", "unknown", "disabled")


def handle(request: Request) -> dict[str, Any]:
    """Filters: state level rule_id q. Without a limit all that fit a page, for there are few.

    Each rule has an `unknown` of its own beside the answer's.
    """
    page = page_of(request, default_limit=200)
    start = 0 if page.cursor is None else page.cursor
    if not isinstance(start, int) or start < 0:
        raise unprocessable("cursor", "takes the next_cursor of an earlier answer")
    state, level = choice_filter(request, "state", _STATES), choice_filter(request, "level", [each.value for each in AlertLevel])
    rule_id, words = text_filter(request, "rule_id"), (text_filter(request, "q") or "").casefold()
    settings = get_settings()
    with connection(statement_timeout_ms=5000) as conn:
        rows = rule_items(conn, alert_manager.rules(settings), settings)
    found = [row for row in rows if state in (None, row["state"]) and level in (None, row["level"])]
    found = [row for row in found if rule_id in (None, row["id"]) and words in f"{row['id']} {row['name']}".casefold()]
    end = start + page.limit
    items = [explained(row, row["unknown"]) for row in found[start:end]]
    reasons = {f"items.{place}.{path}": why for place, item in enumerate(items) for path, why in item["unknown"].items()}
    return {"items": items, "next_cursor": encode_cursor(end) if end < len(found) else None, "unknown": reasons}


lambda_handler = endpoint("viewer")(handle)
