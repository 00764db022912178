"""POST /api/external/{source}: alerts of Alertmanager, Grafana and CloudWatch. 202 only after the queue accepted them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from callwatch import sqs
from callwatch.api.batch import accept_each, build_batch_response, find_project
from callwatch.api.http import Request
from callwatch.api.routes import INGEST_EXTERNAL
from callwatch.exceptions import Invalid, NotFound, Rejected
from callwatch.ingest.external.alert import Row, build_alert_messages
from callwatch.ingest.external.alertmanager import MAX_ALERTS, accept_alert, is_posted_by_callwatch, read_alerts
from callwatch.ingest.external.body import load_body, load_text
from callwatch.runtime.endpoint import endpoint
from callwatch.settings import get_settings

if TYPE_CHECKING:
    from callwatch.models.shapes.ingest import Accepted, RejectedItem

_SOURCES = ("alertmanager", "grafana", "cloudwatch")


def handle(request: Request) -> Accepted:
    """Return the fingerprints of the accepted alerts, and what was rejected."""
    source = request.path_parameters.get("source", "")
    if source not in _SOURCES:
        raise NotFound(f"alerts are accepted from {', '.join(_SOURCES)}")
    project_id = find_project(request, get_settings().ingest_keys or {})
    now = datetime.now(UTC)
    given = load_body(request)
    rows, rejected = _accept_alarm(given, now) if source == "cloudwatch" else _accept_alerts(source, given, now)
    if rows:
        sqs.send(get_settings().error_queue_url, list(build_alert_messages(rows, project_id, now)))
    if not rows and not rejected:
        return {"accepted": 0, "ids": [], "rejected": []}
    return build_batch_response([row["fingerprint"] for row in rows], rejected)


def _accept_alerts(source: str, given: Any, now: datetime) -> tuple[list[Row], list[RejectedItem]]:
    alerts = read_alerts(source, given)
    if not alerts:
        return [], []

    def accept(item: Any) -> Row | None:
        return None if is_posted_by_callwatch(item) else accept_alert(source, item, now)

    accepted, rejected = accept_each(alerts, accept, MAX_ALERTS, "alert")
    return [row for row in accepted if row is not None], rejected


def _accept_alarm(given: Any, now: datetime) -> tuple[list[Row], list[RejectedItem]]:
    """Accept an alarm alone, or in a message that SNS signed; a subscription is confirmed."""
    # Loaded with the first alarm: other sources do not wait for it.
    from callwatch.ingest.external.cloudwatch import accept_alarm
    from callwatch.ingest.external.sns import confirm_subscription, is_sns, verify_message

    if is_sns(given):
        kind = verify_message(given)
        if kind == "SubscriptionConfirmation":
            confirm_subscription(given)
        if kind != "Notification":
            return [], []
        given = load_text(given["Message"])
    try:
        return accept_alarm(given, now), []
    except Rejected as error:
        raise Invalid(error.field or "body", str(error)) from None


lambda_handler = endpoint(INGEST_EXTERNAL)(handle)
