"""POST /api/actions/{vendor}: what people do to our messages in Slack, PagerDuty and Opsgenie."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from callwatch.alerts.taking.vendors import carry_out, read_events
from callwatch.api.http import Request
from callwatch.api.routes import RECEIVE_ACTION
from callwatch.db import connection
from callwatch.runtime.admission import admission
from callwatch.runtime.endpoint import endpoint
from callwatch.settings import get_settings

if TYPE_CHECKING:
    from callwatch.models.shapes.alerting.vendor_actions import VendorActions


def handle(request: Request) -> VendorActions:
    """Carry out what concerns us; all else is answered, too, since vendors switch off a webhook that fails."""
    settings, now = get_settings(), datetime.now(UTC)
    events = read_events(request, settings, now)
    if not events:
        return {"done": 0, "ignored": 1}
    with connection(statement_timeout_ms=2500) as conn:
        counts = carry_out(conn, events, settings, now)
        conn.commit()
    return counts


lambda_handler = endpoint(RECEIVE_ACTION, admit=admission.admit_vendor)(handle)
