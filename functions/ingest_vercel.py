"""POST /api/{project}/vercel/logs: Vercel's log drain. Its crashes become errors; the other lines are not kept."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from callwatch.api.http import Request, Response
from callwatch.api.routes import INGEST_VERCEL
from callwatch.events.event import build_error_message, finish_foreign_event
from callwatch.events.work_limit import WorkBudget
from callwatch.ingest.crashes.crash import build_event, choose_crashes
from callwatch.ingest.crashes.vercel import find_code, list_crashes, read_lines
from callwatch.ingest.patient_send import compute_end_of_patience, send_patiently
from callwatch.ingest.report import IngestReport
from callwatch.models.ingest_outcome import VERCEL_LOGS
from callwatch.runtime.admission import admission
from callwatch.runtime.endpoint import endpoint
from callwatch.runtime.environment import work_deadline
from callwatch.settings import get_settings

if TYPE_CHECKING:
    from callwatch.models.shapes.ingest import CrashesAccepted

# As many errors as one call of POST /api/errors may hold.
MAX_CRASHES = 100


def handle(request: Request) -> Response[CrashesAccepted]:
    """Return how many crashes were accepted, with the code that Vercel's handshake asks for."""
    settings = get_settings()
    code = find_code(request, settings.vercel_verify)
    headers = {"x-vercel-verify": code} if code else {}
    if request.role == "none":
        # Only the handshake is admitted without a signature; nothing of it is read.
        return Response(INGEST_VERCEL.status, {"accepted": 0, "rejected": 0}, headers)
    project_id, now = int(request.path_parameters["project"]), datetime.now(UTC)
    lines = read_lines(request.body, request.headers.get("content-encoding", ""))
    crashes = choose_crashes(list_crashes(lines))
    budget = WorkBudget(deadline=work_deadline())
    events = [finish_foreign_event(build_event(crash, project_id), now, budget) for crash in crashes[:MAX_CRASHES]]
    report = IngestReport(project_id, VERCEL_LOGS, now)
    report.add("refused", "error", "too_many", len(crashes) - len(events))
    messages = [*(build_error_message(event, project_id, now, VERCEL_LOGS, budget) for event in events), *report.build_messages()]
    if messages:
        send_patiently(settings.error_queue_url, messages, compute_end_of_patience(work_deadline()))
    return Response(INGEST_VERCEL.status, {"accepted": len(events), "rejected": len(crashes) - len(events)}, headers)


lambda_handler = endpoint(INGEST_VERCEL, admit=admission.admit_drain)(handle)
