"""POST /api/rules/{id}/{action}: enable, disable, or send a marked test notification."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from callwatch.alerts.actions import act_on_rule
from callwatch.alerts.notifications.delivery import deliver_due
from callwatch.alerts.rules_in_force import read_own_rules
from callwatch.alerts.serializers import serialize_rules
from callwatch.api.http import Request
from callwatch.api.routes import ACT_ON_RULE
from callwatch.db import connection
from callwatch.reports.missing_values import explain_nulls
from callwatch.runtime.endpoint import endpoint
from callwatch.settings import get_settings

if TYPE_CHECKING:
    from callwatch.models.shapes.rules import Rule

_DELIVER_S = 5.0


def handle(request: Request) -> Rule:
    """Apply the action and return the rule. A test is sent at once; `test_deliveries` holds its result.

    The body is optional; it may give a reason.
    """
    given = request.read_json() if request.body else {}
    settings, now = get_settings(), datetime.now(UTC)
    rule_id, action = request.path_parameters["id"], request.path_parameters["action"]
    # Two transactions: the channels send only what is committed.
    with connection(statement_timeout_ms=5000) as conn:
        rule = act_on_rule(conn, rule_id, action, given, request.actor, settings, now)
        conn.commit()
    if action == "test":
        deliver_due(datetime.now(UTC), _DELIVER_S)
    with connection(statement_timeout_ms=5000) as conn:
        (item,) = serialize_rules(conn, [rule], settings, read_own_rules(conn).definitions)
    return {**item, "unknown": {**explain_nulls(item), **item["unknown"]}}


lambda_handler = endpoint(ACT_ON_RULE)(handle)
