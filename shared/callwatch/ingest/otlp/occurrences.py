"""The errors in traces and logs: exception events of spans, and log records of severity ERROR and above."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from callwatch.events.event_summary import MESSAGE_LIMIT
from callwatch.events.trim import cut_text, cut_within
from callwatch.grouping.classify import classify_event
from callwatch.grouping.levels import rate_severity, read_level
from callwatch.ingest.otlp.attributes import (
    CALL_ID,
    MAX_KEPT_CHARS,
    describe_origin,
    find_first,
    is_private,
    read_text,
    select_attributes,
    to_time,
)
from callwatch.ingest.otlp.records import SERVER, Attributes, LogRecord, Origin, Span, SpanEvent
from callwatch.ingest.otlp.requests import name_endpoint
from callwatch.scrubbing.scrubber import hash_user

_TYPE, _MESSAGE, _STACK = "exception.type", "exception.message", "exception.stacktrace"
_STACK_CHARS = 100_000
_ERROR, _FATAL = 17, 21
# A class with its module, as Java, Python and .NET name it.
_QUALIFIED = re.compile(r"([A-Za-z_$][\w$.]*)\.([\w$]+)")
_USERS = ("enduser.id", "user.id", "user.email", "user.name")
_OF_REQUEST = (CALL_ID, *_USERS)
_SHOWN_ELSEWHERE = (_TYPE, _MESSAGE, _STACK, "exception.escaped", *_USERS)
_TEXT_KEYS = ("message", "msg", "error", "event")
_MODEL_EVENT = "gen_ai."
# Words of logging libraries, where a record has no number: an unknown word does not make it an error.
_ERROR_WORDS = frozenset(["error", "err", "severe", "fatal", "critical", "crit", "alert", "emergency", "panic"])


@dataclass(frozen=True, slots=True)
class Raised:
    """An exception event with its span; request: the server span in which it was raised, if the same body holds it."""

    event_id: str
    span: Span
    event: SpanEvent
    request: Span | None


def list_exceptions(spans: Iterable[Span]) -> list[Raised]:
    """The exceptions of spans. One that passed through several spans of a trace is one occurrence, with the longest stack."""
    spans = list(spans)
    requests = {span.trace_id: span for span in spans if span.kind == SERVER}
    found: dict[str, Raised] = {}
    for span in spans:
        for event in span.events:
            if event.name != "exception" and _TYPE not in event.attributes:
                continue
            raised = Raised(_identify_exception(span, event), span, event, requests.get(span.trace_id))
            known = found.get(raised.event_id)
            if known is None or len(read_text(known.event.attributes, _STACK)) < len(read_text(event.attributes, _STACK)):
                found[raised.event_id] = raised
    return list(found.values())


def read_exception(raised: Raised, user_key: str) -> dict[str, Any]:
    """The event of an exception; what its span says belongs to it, and the call and the user of its request."""
    span, event, request = raised.span, raised.event, raised.request
    of_request = {name: request.attributes[name] for name in _OF_REQUEST if name in request.attributes} if request else {}
    attributes = {**of_request, **span.attributes, **event.attributes}
    described = _describe(span.origin, span.trace_id, span.span_id, attributes, user_key)
    error = _describe_exception(event.attributes, "")
    given = {
        **described,
        **error,
        "event_id": raised.event_id,
        "occurred_at": to_time(event.time_ns or span.end_ns),
        "level": "error",
        "endpoint": (name_endpoint(request) if request else span.name)[:300] or None,
        "trimmed": [*described["trimmed"], *error["trimmed"]],
    }
    return _rate(given)


def is_error(record: LogRecord) -> bool:
    """Whether a log record is of severity ERROR or above; by its text if it has no number."""
    if record.severity:
        return record.severity >= _ERROR
    return record.severity_text.strip().lower() in _ERROR_WORDS


def read_log_event(record: LogRecord, user_key: str) -> dict[str, Any]:
    """The event of a log record, with its exception if it has one."""
    attributes = record.attributes
    line = _render_body(record)
    has_exception = find_first(attributes, _TYPE, _MESSAGE, _STACK) is not None
    is_fatal = record.severity >= _FATAL or (not record.severity and read_level(record.severity_text) == "fatal")
    described = _describe(record.origin, record.trace_id, record.span_id, attributes, user_key)
    error = _describe_exception(attributes, line)
    given = {
        **described,
        **error,
        "event_id": _identify_log(record),
        "occurred_at": to_time(record.time_ns),
        "level": "fatal" if is_fatal else "error",
        "logger": record.origin.scope[:200] or None,
        "endpoint": read_text(attributes, "http.route")[:300] or None,
        "trimmed": [*described["trimmed"], *error["trimmed"]],
    }
    if has_exception and line:
        given["logentry"] = {"message": cut_within(line, MESSAGE_LIMIT)}
    return _rate(given)


def _describe(origin: Origin, trace_id: str, span_id: str, attributes: Attributes, user_key: str) -> dict[str, Any]:
    """What an occurrence keeps of its record apart from the error itself."""
    call_id, user = read_text(attributes, CALL_ID), read_text(attributes, *_USERS)
    trace = {name: text for name, text in (("trace_id", trace_id), ("span_id", span_id)) if text}
    context = {
        "contexts": {"trace": trace} if trace else {},
        "extra": select_attributes(attributes, without=_SHOWN_ELSEWHERE),
    }
    return {
        **describe_origin(origin),
        "user_hash": hash_user(user, user_key) if user else None,
        "tags": {CALL_ID: call_id[:200]} if call_id else None,
        "context": {name: value for name, value in context.items() if value} or None,
        "trimmed": ["context"] * any(isinstance(value, str) and len(value) > MAX_KEPT_CHARS for value in attributes.values()),
    }


def _describe_exception(attributes: Attributes, line: str) -> dict[str, Any]:
    name = read_text(attributes, _TYPE)[:300]
    qualified = _QUALIFIED.fullmatch(name)
    kind = qualified[2] if qualified else name
    message = read_text(attributes, _MESSAGE) or line or kind or "(no message)"
    stack = read_text(attributes, _STACK)
    kept = cut_within(message, MESSAGE_LIMIT)
    link = {"type": kind, "value": kept, **({"module": qualified[1][:200]} if qualified else {})}
    return {
        "type": kind or None,
        "message": kept,
        "exceptions": [link] if kind else None,
        "stack": cut_text(stack, _STACK_CHARS) or None,
        "trimmed": ["message"] * (len(message) > MESSAGE_LIMIT) + ["stack"] * (len(stack) > _STACK_CHARS),
    }


def _rate(given: dict[str, Any]) -> dict[str, Any]:
    severity, category = classify_event(given)
    return {**given, "severity": rate_severity(given["level"], severity).value, "category": category.value}


def _identify_exception(span: Span, event: SpanEvent) -> str:
    """The same for a repetition of the request, and for each span that the exception passed through."""
    service = read_text(span.origin.resource, "service.name")
    where = span.trace_id or span.span_id or str(event.time_ns)
    return _hash((where, service, read_text(event.attributes, _TYPE), read_text(event.attributes, _MESSAGE)))


def _identify_log(record: LogRecord) -> str | None:
    """The same for a repetition of the request; None, which becomes a random one, for a record without a time."""
    if not record.time_ns:
        return None
    parts = (record.trace_id, record.span_id, str(record.time_ns), record.severity_text, record.event_name)
    return _hash((*parts, json.dumps([record.body, dict(record.attributes)], default=str, sort_keys=True)))


def _hash(parts: tuple[str, ...]) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:32]


def _render_body(record: LogRecord) -> str:
    """The text of a record; of an event about the call of a model only its name, since its body is what was said."""
    name = record.event_name or read_text(record.attributes, "event.name")
    if name.startswith(_MODEL_EVENT):
        return name
    body = record.body
    if isinstance(body, Mapping):
        text = next((body[key] for key in _TEXT_KEYS if isinstance(body.get(key), str)), None)
        body = text or json.dumps({key: value for key, value in body.items() if not is_private(key)}, default=str)
    if isinstance(body, list):
        body = json.dumps(body, default=str)
    return str(body) if body not in (None, "") else name
