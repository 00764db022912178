"""PUT /api/rules/{id}: replaces the definition of an own rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callwatch.alerts.own_rules.changes import change_own_rule
from callwatch.alerts.rules_in_force import read_own_rules
from callwatch.alerts.serializers import serialize_rules
from callwatch.api.http import Request
from callwatch.api.routes import CHANGE_RULE
from callwatch.reports.missing_values import explain_nulls
from callwatch.runtime.endpoint import endpoint
from callwatch.settings import get_settings

if TYPE_CHECKING:
    from callwatch.db.core.connect import AnyConnection
    from callwatch.models.shapes.rules import Rule


def handle(request: Request, conn: AnyConnection) -> Rule:
    """Return the rule; the next evaluation uses it."""
    settings = get_settings()
    rule = change_own_rule(conn, request.path_parameters["id"], request.read_json(), request.actor, settings)
    (item,) = serialize_rules(conn, [rule], settings, read_own_rules(conn).definitions)
    return {**item, "unknown": {**explain_nulls(item), **item["unknown"]}}


lambda_handler = endpoint(CHANGE_RULE, transaction=True)(handle)
