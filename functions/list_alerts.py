"""GET /api/alerts: alerts, newest first."""

import re
from typing import Any

from callwatch.alerts.show import alert_item
from callwatch.db import connection
from callwatch.db.alerts import list_alerts
from callwatch.http import Request, encode_cursor, page_of
from callwatch.http_filters import choice_filter, position_of, text_filter, time_filter
from callwatch.models.alert import AlertLevel
from callwatch.reports.unknown import explained
from callwatch.runtime.endpoint import endpoint

# What a pattern of LIKE would not take as it stands.
_LIKE, _LITERALLY = re.compile(r"[\\%_]"), r"\\\g<0>"


def handle(request: Request) -> dict[str, Any]:
    """Filters: state level rule_id q since until."""
    page = page_of(request)
    before_at, before_id = position_of(page)
    words = text_filter(request, "q")
    filters = {
        "state": choice_filter(request, "state", ("firing", "resolved")),
        "level": choice_filter(request, "level", [level.value for level in AlertLevel]),
        "rule_id": text_filter(request, "rule_id"),
        "q": f"%{_LIKE.sub(_LITERALLY, words)}%" if words else None,
        "since": time_filter(request, "since"),
        "until": time_filter(request, "until"),
        "before_at": before_at,
        "before_id": before_id,
    }
    with connection(statement_timeout_ms=5000) as conn:
        rows = list_alerts(conn, {**filters, "limit": page.limit + 1})
    shown = rows[: page.limit]
    position = [shown[-1]["started_at"].isoformat(), shown[-1]["id"]] if len(rows) > page.limit else None
    items = [alert_item(row) for row in shown]
    return explained({"items": items, "next_cursor": encode_cursor(position) if position else None})


lambda_handler = endpoint("viewer")(handle)
