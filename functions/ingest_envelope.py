"""POST /api/{project}/{proxy+}: the Sentry protocol, and OTLP. 200 only after the queue accepted everything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from callwatch.api.http import Request, Response
from callwatch.api.routes import INGEST_ENVELOPE
from callwatch.events.event import build_error_message
from callwatch.events.work_limit import WorkBudget
from callwatch.exceptions import QueueUnavailable, RequestRefused, TooManyRequests, Unavailable, Unreadable
from callwatch.ingest.content_encoding import decode_start
from callwatch.ingest.otlp.paths import find_signal
from callwatch.ingest.patient_send import compute_end_of_patience, send_patiently
from callwatch.ingest.report import IngestReport
from callwatch.ingest.requests import build_request_messages
from callwatch.ingest.sdk import find_exporter, find_sdk
from callwatch.ingest.sentry.envelope import Item, parse, parse_up_to_attachment
from callwatch.ingest.sentry.items import take
from callwatch.ingest.sentry.rate_limits import delay_kinds, find_category, refuse_kinds
from callwatch.ingest.sentry.store import read_store_body
from callwatch.ingest.sentry.taken import Taken
from callwatch.runtime.admission import admission
from callwatch.runtime.endpoint import endpoint
from callwatch.runtime.environment import work_deadline
from callwatch.runtime.ingest_reports import count_refused_body, hold_report
from callwatch.settings import get_settings, load_tracker_settings

if TYPE_CHECKING:
    from callwatch.ingest.otlp.paths import Signal
    from callwatch.models.shapes.ingest import EnvelopeAccepted, RejectedKind
    from callwatch.models.telemetry import Feedback


def handle(request: Request) -> Response[Any]:
    """Accept an envelope, the one event of `store/`, or the records of OTLP."""
    signal = find_signal(request)
    return _accept_otlp(request, signal) if signal else _accept_sentry(request)


def _accept_sentry(request: Request) -> Response[EnvelopeAccepted]:
    """Reject unsupported items by category; the response names the rest."""
    project_id = int(request.path_parameters["project"])
    is_store = request.path_parameters.get("proxy", "").startswith("store")
    now, budget = datetime.now(UTC), WorkBudget(deadline=work_deadline())
    headers: dict[str, Any] = {}
    items: Sequence[Item] = ()
    try:
        headers, items, rest = _read(request, is_store)
        taken = take(headers, items, rest, get_settings().user_hash_key or "", now, budget)
        if is_store and taken.no_objects:
            # An envelope says that it holds an event; nothing says it of a body alone.
            raise Unreadable("the body is not a JSON object: send one event as a JSON object")
    except RequestRefused as error:
        _count_refused(error, items, IngestReport(project_id, find_sdk(request, headers), now))
        raise
    report = IngestReport(project_id, find_sdk(request, headers, taken.events), now)
    for (outcome, category, reason), count in taken.outcomes.items():
        report.add(outcome, category, reason, count)
    report.carry(taken.work, taken.lines, taken.sessions, _clear_feedback(taken.feedback, project_id))
    try:
        messages = _build_error_messages(taken.events, report, now, budget)
        _send(messages, _build_messages(taken, report, now), report, compute_end_of_patience(work_deadline()))
    except QueueUnavailable as error:
        raise _refuse_unavailable(error, items) from error
    event_id = taken.events[0]["event_id"] if taken.events else headers.get("event_id")
    body = _name_rejected(taken.rejected)
    if isinstance(event_id, str):
        body["id"] = event_id
    return Response(INGEST_ENVELOPE.status, body, refuse_kinds(item.kind for item in items))


def _accept_otlp(request: Request, signal: Signal) -> Response[Any]:
    # Loaded with the first request of OTLP: nobody else waits for it.
    from callwatch.ingest.otlp.accept import accept
    from callwatch.ingest.otlp.answers import build_answer

    now, budget = datetime.now(UTC), WorkBudget(deadline=work_deadline())
    report = IngestReport(int(request.path_parameters["project"]), find_exporter(request), now)
    category = "log_item" if signal == "logs" else "span"
    with count_refused_body(report, [category]):
        taken = accept(request, signal, get_settings().user_hash_key or "", now, budget)
    report.add("refused", category, "invalid", taken.rejected)
    rest = [
        *build_request_messages(taken.rows, report.project_id, now, sdk=report.sdk),
        *build_request_messages(taken.model_calls, report.project_id, now, "model_calls", report.sdk),
    ]
    try:
        # Exporters send again by themselves: nothing is lost if they need not wait.
        _send(_build_error_messages(taken.events, report, now, budget), rest, report, give_up_at=0)
    except QueueUnavailable as error:
        raise _refuse_unavailable(error, ()) from error
    return build_answer(request, signal, taken.rejected, taken.why)


def _shape_refusal(request: Request, response: Response[Any]) -> Response[Any]:
    if not find_signal(request):
        return response
    from callwatch.ingest.otlp.answers import shape_refusal

    return shape_refusal(request, response)


def _clear_feedback(feedback: list[Feedback], project_id: int) -> list[Feedback]:
    """The messages of users, without their text where SCRUB is strict for the project."""
    if not feedback or not load_tracker_settings().scrub.is_strict(project_id):
        return feedback
    return [replace(each, message="(left out: scrubbing is strict)") for each in feedback]


def _count_refused(error: RequestRefused, items: Sequence[Item], report: IngestReport) -> None:
    """Count a body that is refused as a whole: each of its items, or one of an unknown category."""
    for category in [find_category(item.kind) for item in items] or ["unknown"]:
        report.add("refused", category, error.code)
    hold_report(report)


def _read(request: Request, is_store: bool) -> tuple[dict[str, Any], list[Item], Item | None]:
    encoding = request.headers.get("content-encoding", "")
    if is_store:
        return {}, read_store_body(request.body, encoding), None
    body, is_whole = decode_start(request.body, encoding)
    return parse(body) if is_whole else parse_up_to_attachment(body)


def _name_rejected(rejected: Counter[tuple[str, str]]) -> EnvelopeAccepted:
    found: list[RejectedKind] = [{"type": kind, "count": count, "message": reason} for (kind, reason), count in rejected.items()]
    return {"rejected": found} if found else {}


def _refuse_unavailable(error: QueueUnavailable, items: Iterable[Item]) -> RequestRefused:
    """503, or 429 if the queue throttles.

    The 503 names no time and no category: Sentry's SDKs drop what they hold for as long as either header says, while
    without them they send the next event at once. The 429 names the categories that were not taken, since a bare one
    mutes an SDK altogether.
    """
    if error.is_throttled:
        limits = delay_kinds(item.kind for item in items)
        return TooManyRequests("the queue is throttled; send the request again", headers=limits)
    return Unavailable("the queue did not accept the request; send it again", code="queue_unavailable")


def _build_messages(taken: Taken, report: IngestReport, now: datetime) -> list[str]:
    """The messages of an envelope that carry no error."""
    found = list(build_request_messages(taken.rows, report.project_id, now, sdk=report.sdk))
    if taken.check_ins:
        from callwatch.ingest.check_ins import build_check_in_message  # few envelopes hold one

        found.append(build_check_in_message(taken.check_ins, report.project_id, now))
    return found


# The messages of critical errors, and those of the others.
_ErrorMessages = tuple[list[str], list[str]]


def _build_error_messages(
    events: Sequence[dict[str, Any]], report: IngestReport, now: datetime, budget: WorkBudget
) -> _ErrorMessages:
    critical: list[str] = []
    others: list[str] = []
    for event in events:
        found = critical if event["severity"] == "critical" else others
        found.append(build_error_message(event, report.project_id, now, report.sdk, budget))
    return critical, others


def _send(messages: _ErrorMessages, rest: Iterable[str], report: IngestReport, give_up_at: float) -> None:
    """Put errors into the queues of their severity, and the other messages into that of all errors."""
    settings, (critical, others) = get_settings(), messages
    if critical:
        send_patiently(settings.critical_queue_url, critical, give_up_at)
    # The report comes last: what is sent again after a failure is then counted once.
    others = [*others, *rest, *report.build_messages()]
    if others:
        send_patiently(settings.error_queue_url, others, give_up_at)


lambda_handler = endpoint(INGEST_ENVELOPE, admit=admission.admit_dsn, shape_refusal=_shape_refusal)(handle)
