"""GET /api/rules: every alert rule with its state and last value."""

from typing import Any

from callwatch.alerts.manager import alert_manager
from callwatch.alerts.show import rule_item
from callwatch.db import connection
from callwatch.db.rule_states import disabled_rules, stored_states
from callwatch.http import Request
from callwatch.runtime.endpoint import endpoint
from callwatch.settings import get_settings


def handle(_request: Request) -> dict[str, Any]:
    """All of them: there are few."""
    settings = get_settings()
    with connection(statement_timeout_ms=5000) as conn:
        off, states = disabled_rules(conn), stored_states(conn)
    items = [
        rule_item(rule, [row for row in states if row["rule_id"] == rule.id], rule.id not in off, settings)
        for rule in alert_manager.rules(settings)
    ]
    return {"items": items, "next_cursor": None}


lambda_handler = endpoint("viewer")(handle)
