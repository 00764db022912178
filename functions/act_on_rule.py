"""POST /api/rules/{id}/{action}: enable, disable, or send a marked test notification."""

from datetime import UTC, datetime
from typing import Any

from callwatch.alerts.act import act_on_rule
from callwatch.alerts.deliver import deliver_due
from callwatch.alerts.show import rule_items
from callwatch.db import connection
from callwatch.http import Request
from callwatch.reports.unknown import explained
from callwatch.runtime.endpoint import endpoint
from callwatch.settings import get_settings

_DELIVER_S = 5.0


def handle(request: Request) -> dict[str, Any]:
    """The rule as it is now; a test is sent at once, and what became of it stands in `test_deliveries`.

    A body with a reason may be left out.
    """
    given = request.json() if request.body else {}
    settings, now = get_settings(), datetime.now(UTC)
    rule_id, action = request.path_parameters["id"], request.path_parameters["action"]
    with connection(statement_timeout_ms=5000) as conn:
        rule = act_on_rule(conn, rule_id, action, given, request.actor, settings, now)
        conn.commit()
    if action == "test":
        deliver_due(datetime.now(UTC), _DELIVER_S)
    with connection(statement_timeout_ms=5000) as conn:
        (item,) = rule_items(conn, [rule], settings)
    return explained(item, item["unknown"])


lambda_handler = endpoint("admin")(handle)
