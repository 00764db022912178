"""Reads OTLP in its JSON encoding: names in lowerCamelCase, ids as hex digits, 64-bit numbers as texts or numbers.

Enumerations are numbers by the specification; their names are read too, since older exporters send them.
"""

from typing import Any

from callwatch.ingest.hostile_json import load_hostile
from callwatch.ingest.otlp.records import (
    MAX_ATTRIBUTES,
    MAX_EVENTS,
    MAX_KEY_CHARS,
    MAX_LIST_ITEMS,
    MAX_TEXT_CHARS,
    MAX_VALUE_DEPTH,
    SERVER,
    Encoding,
    LogRecord,
    Origin,
    Span,
    SpanEvent,
    Split,
    is_of_interest,
)

_KINDS = {"SPAN_KIND_SERVER": SERVER}
_FAILED = (2, "2", "STATUS_CODE_ERROR")
_SEVERITIES = {"SEVERITY_NUMBER_ERROR": 17, "SEVERITY_NUMBER_FATAL": 21}
_ID_CHARS = 32
_INT64 = 1 << 64
_MODEL_PREFIX = "gen_ai."


def split_spans(body: bytes, most: int) -> Split[Any]:
    """The spans of a body."""
    return _split(body, ("resourceSpans", "scopeSpans", "spans"), most)


def split_logs(body: bytes, most: int) -> Split[Any]:
    """The log records of a body."""
    return _split(body, ("resourceLogs", "scopeLogs", "logRecords"), most)


def _split(body: bytes, names: tuple[str, str, str], most: int) -> Split[Any]:
    data, _marks = load_hostile(body)
    if not isinstance(data, dict):
        raise ValueError("not a JSON object")
    split: Split[Any] = Split([])
    for part in _get_list(data, names[0]):
        resource = _read_attributes(_get_dict(_get_dict(part).get("resource")).get("attributes"))
        for held in _get_list(_get_dict(part), names[1]):
            origin = Origin(resource, _read_text(_get_dict(_get_dict(held).get("scope")).get("name")))
            for record in _get_list(_get_dict(held), names[2]):
                split.add(origin, record, most)
    return split


def read_span(origin: Origin, raw: Any) -> Span:
    """A span. Raises ValueError if it is no object."""
    given = _require_object(raw)
    attributes, events = given.get("attributes"), _get_list(given, "events")
    kind = _KINDS.get(str(given.get("kind")), 0) or _read_number(given.get("kind"))
    is_read = is_of_interest(kind, bool(events), _mentions_model(attributes))
    return Span(
        origin=origin,
        trace_id=_read_id(given.get("traceId")),
        span_id=_read_id(given.get("spanId")),
        parent_id=_read_id(given.get("parentSpanId")),
        name=_read_text(given.get("name")),
        kind=kind,
        start_ns=_read_number(given.get("startTimeUnixNano")),
        end_ns=_read_number(given.get("endTimeUnixNano")),
        has_failed=_get_dict(given.get("status")).get("code") in _FAILED,
        flags=_read_number(given.get("flags")),
        attributes=_read_attributes(attributes) if is_read else {},
        events=tuple(_read_event(_get_dict(event)) for event in events[:MAX_EVENTS]),
    )


def read_log(origin: Origin, raw: Any) -> LogRecord:
    """A log record. Raises ValueError if it is no object."""
    given = _require_object(raw)
    severity = given.get("severityNumber")
    return LogRecord(
        origin=origin,
        trace_id=_read_id(given.get("traceId")),
        span_id=_read_id(given.get("spanId")),
        time_ns=_read_number(given.get("timeUnixNano")) or _read_number(given.get("observedTimeUnixNano")),
        severity=_SEVERITIES.get(str(severity).rstrip("234"), 0) or _read_number(severity),
        severity_text=_read_text(given.get("severityText"))[:MAX_KEY_CHARS],
        event_name=_read_text(given.get("eventName"))[:MAX_KEY_CHARS],
        body=_read_value(given.get("body"), 0),
        attributes=_read_attributes(given.get("attributes")),
    )


def _read_event(given: dict[str, Any]) -> SpanEvent:
    return SpanEvent(
        _read_number(given.get("timeUnixNano")), _read_text(given.get("name")), _read_attributes(given.get("attributes"))
    )


def _mentions_model(attributes: Any) -> bool:
    pairs = attributes[:MAX_ATTRIBUTES] if isinstance(attributes, list) else []
    return any(str(_get_dict(pair).get("key")).startswith(_MODEL_PREFIX) for pair in pairs)


def _read_attributes(pairs: Any, depth: int = 0) -> dict[str, Any]:
    kept = pairs[:MAX_ATTRIBUTES] if isinstance(pairs, list) else []
    return {_read_text(pair.get("key"))[:MAX_KEY_CHARS]: _read_value(pair.get("value"), depth) for pair in map(_get_dict, kept)}


def _read_value(value: Any, depth: int) -> Any:
    """An AnyValue; None if it is empty, binary, of an unknown kind, or nested too deeply."""
    given = _get_dict(value)
    if isinstance(given.get("stringValue"), str):
        return _read_text(given["stringValue"])
    if isinstance(given.get("boolValue"), bool):
        return given["boolValue"]
    if "intValue" in given:
        return _read_whole(given["intValue"])
    number = given.get("doubleValue")
    if isinstance(number, float):
        return number
    if isinstance(number, int) and _read_whole(number) is not None:
        return float(number)
    if depth >= MAX_VALUE_DEPTH:
        return None
    if "arrayValue" in given:
        return [_read_value(item, depth + 1) for item in _get_list(_get_dict(given["arrayValue"]), "values")[:MAX_LIST_ITEMS]]
    return _read_attributes(_get_dict(given["kvlistValue"]).get("values"), depth + 1) if "kvlistValue" in given else None


def _read_whole(value: Any) -> int | None:
    """A whole number, sent as text or number; None if it is none."""
    if isinstance(value, str):
        digits = value[1:] if value.startswith("-") else value
        return int(value) if len(digits) < 20 and digits.isascii() and digits.isdigit() else None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _INT64 else None


def _read_number(value: Any) -> int:
    return max(0, _read_whole(value) or 0)


def _read_id(value: Any) -> str:
    """An id as hex digits; empty for any other text."""
    text = value[:_ID_CHARS].lower() if isinstance(value, str) else ""
    return text if all(char in "0123456789abcdef" for char in text) else ""


def _read_text(value: Any) -> str:
    return value[:MAX_TEXT_CHARS] if isinstance(value, str) else ""


def _get_list(given: dict[str, Any], name: str) -> list[Any]:
    found = given.get(name)
    return found if isinstance(found, list) else []


def _get_dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _require_object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


JSON = Encoding("json", split_spans, split_logs, read_span, read_log)
