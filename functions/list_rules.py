"""GET /api/rules: every alert rule with its state and last value."""

from typing import Any

from callwatch.alerts.manager import alert_manager
from callwatch.alerts.show import rule_items
from callwatch.db import connection
from callwatch.http import Request
from callwatch.runtime.endpoint import endpoint
from callwatch.settings import get_settings


def handle(_request: Request) -> dict[str, Any]:
    """All of them: there are few."""
    settings = get_settings()
    with connection(statement_timeout_ms=5000) as conn:
        items = rule_items(conn, alert_manager.rules(settings), settings)
    return {"items": items, "next_cursor": None}


lambda_handler = endpoint("viewer")(handle)
