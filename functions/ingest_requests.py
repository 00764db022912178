"""POST /api/requests: accepts the product's finished requests, for rates and latencies by route."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from callwatch import sqs
from callwatch.api.batch import MAX_BODY_BYTES, accept_each, build_batch_response, find_project
from callwatch.api.http import Request
from callwatch.api.routes import INGEST_REQUESTS
from callwatch.ingest.hostile_json import read_json
from callwatch.ingest.report import IngestReport
from callwatch.ingest.requests import accept_request, build_request_messages
from callwatch.models.ingest_outcome import API_SDK
from callwatch.runtime.endpoint import endpoint
from callwatch.runtime.ingest_reports import count_refused_body, hold_report
from callwatch.settings import get_settings

if TYPE_CHECKING:
    from callwatch.models.shapes.ingest import Accepted


def handle(request: Request) -> Accepted:
    """Return the ids of the accepted items, and what was rejected."""
    project_id = find_project(request, get_settings().ingest_keys or {})
    now = datetime.now(UTC)
    report = IngestReport(project_id, API_SDK, now)
    with count_refused_body(report, ["request"]):
        given, _marks = read_json(request, MAX_BODY_BYTES)
        rows, rejected = accept_each(given, lambda item: accept_request(item, now), INGEST_REQUESTS.most_items, "request")
    report.add("refused", "request", "invalid", len(rejected))
    hold_report(report)
    if rows:
        sqs.send(get_settings().error_queue_url, list(build_request_messages(rows, project_id, now)))
    return build_batch_response([row["request_id"] for row in rows], rejected)


lambda_handler = endpoint(INGEST_REQUESTS)(handle)
