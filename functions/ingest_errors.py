"""POST /api/errors: accepts one error or a list; responds only after the queue accepted them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from callwatch import sqs
from callwatch.api.batch import MAX_BODY_BYTES, accept_each, build_batch_response, find_project
from callwatch.api.http import Request
from callwatch.api.routes import INGEST_ERRORS
from callwatch.events.event import build_error_message
from callwatch.events.work_limit import WorkBudget
from callwatch.ingest.errors import accept_error
from callwatch.ingest.hostile_json import read_json, select_marks
from callwatch.ingest.report import IngestReport
from callwatch.models.ingest_outcome import API_SDK
from callwatch.runtime.endpoint import endpoint
from callwatch.runtime.environment import work_deadline
from callwatch.runtime.ingest_reports import count_refused_body, hold_report
from callwatch.settings import get_settings

if TYPE_CHECKING:
    from callwatch.models.shapes.ingest import Accepted


def handle(request: Request) -> Accepted:
    """Return the ids of the accepted items, and what was rejected."""
    project_id = find_project(request, get_settings().ingest_keys or {})
    budget = WorkBudget(deadline=work_deadline())
    now, user_key = datetime.now(UTC), get_settings().user_hash_key or ""
    report = IngestReport(project_id, API_SDK, now)
    with count_refused_body(report, ["error"]):
        given, marks = read_json(request, MAX_BODY_BYTES, budget)
        events, rejected = accept_each(
            given,
            lambda item: accept_error(item, now, user_key, select_marks(item, marks), budget),
            INGEST_ERRORS.most_items,
            "error",
        )
    report.add("refused", "error", "invalid", len(rejected))
    hold_report(report)
    _send(events, project_id, now, budget)
    return build_batch_response([event["event_id"] for event in events], rejected)


def _send(events: list[dict[str, Any]], project_id: int, now: datetime, budget: WorkBudget) -> None:
    settings = get_settings()
    for url, is_critical in ((settings.critical_queue_url, True), (settings.error_queue_url, False)):
        bodies = [
            build_error_message(event, project_id, now, API_SDK, budget)
            for event in events
            if (event["severity"] == "critical") is is_critical
        ]
        if bodies:
            sqs.send(url, bodies)


lambda_handler = endpoint(INGEST_ERRORS)(handle)
