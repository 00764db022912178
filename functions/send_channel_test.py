"""POST /api/channels/{name}/test: sends a marked test notification through one channel at once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from callwatch.alerts.channel_actions import load_tested, send_test
from callwatch.alerts.notifications.delivery import deliver_due
from callwatch.api.http import Request
from callwatch.api.routes import SEND_CHANNEL_TEST
from callwatch.db import connection
from callwatch.reports.missing_values import explain_nulls
from callwatch.runtime.endpoint import endpoint
from callwatch.settings import get_settings

if TYPE_CHECKING:
    from callwatch.models.shapes.alerting.channels import TestedChannel

_DELIVER_S = 5.0


def handle(request: Request) -> TestedChannel:
    """Return the channel after the test; `test_deliveries` holds its result. The body is optional; it may give a reason."""
    given = request.read_json() if request.body else {}
    settings, name = get_settings(), request.path_parameters["name"]
    # Two transactions: the channels send only what is committed.
    with connection(statement_timeout_ms=5000) as conn:
        send_test(conn, name, given, request.actor, settings, datetime.now(UTC))
        conn.commit()
    deliver_due(datetime.now(UTC), _DELIVER_S)
    with connection(statement_timeout_ms=5000) as conn:
        tested = load_tested(conn, name, settings, datetime.now(UTC))
    return {**tested, "unknown": {**explain_nulls(tested), **tested["unknown"]}}


lambda_handler = endpoint(SEND_CHANNEL_TEST)(handle)
