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
    for part in _list(data, names[0]):
        resource = _attributes(_dict(_dict(part).get("resource")).get("attributes"))
        for held in _list(_dict(part), names[1]):
            origin = Origin(resource, _text(_dict(_dict(held).get("scope")).get("name")))
            for record in _list(_dict(held), names[2]):
                split.add(origin, record, most)
    return split


def read_span(origin: Origin, raw: Any) -> Span:
    """A span. Raises ValueError if it is no object."""
    given = _object(raw)
    attributes, events = given.get("attributes"), _list(given, "events")
    kind = _KINDS.get(str(given.get("kind")), 0) or _number(given.get("kind"))
    is_read = is_of_interest(kind, bool(events), _mentions_model(attributes))
    return Span(
        origin=origin,
        trace_id=_id(given.get("traceId")),
        span_id=_id(given.get("spanId")),
        parent_id=_id(given.get("parentSpanId")),
        name=_text(given.get("name")),
        kind=kind,
        start_ns=_number(given.get("startTimeUnixNano")),
        end_ns=_number(given.get("endTimeUnixNano")),
        has_failed=_dict(given.get("status")).get("code") in _FAILED,
        flags=_number(given.get("flags")),
        attributes=_attributes(attributes) if is_read else {},
        events=tuple(_event(_dict(event)) for event in events[:MAX_EVENTS]),
    )


def read_log(origin: Origin, raw: Any) -> LogRecord:
    """A log record. Raises ValueError if it is no object."""
    given = _object(raw)
    severity = given.get("severityNumber")
    return LogRecord(
        origin=origin,
        trace_id=_id(given.get("traceId")),
        span_id=_id(given.get("spanId")),
        time_ns=_number(given.get("timeUnixNano")) or _number(given.get("observedTimeUnixNano")),
        severity=_SEVERITIES.get(str(severity).rstrip("234"), 0) or _number(severity),
        severity_text=_text(given.get("severityText"))[:MAX_KEY_CHARS],
        event_name=_text(given.get("eventName"))[:MAX_KEY_CHARS],
        body=_value(given.get("body"), 0),
        attributes=_attributes(given.get("attributes")),
    )


def _event(given: dict[str, Any]) -> SpanEvent:
    return SpanEvent(_number(given.get("timeUnixNano")), _text(given.get("name")), _attributes(given.get("attributes")))


def _mentions_model(attributes: Any) -> bool:
    pairs = attributes[:MAX_ATTRIBUTES] if isinstance(attributes, list) else []
    return any(str(_dict(pair).get("key")).startswith(_MODEL_PREFIX) for pair in pairs)


def _attributes(pairs: Any, depth: int = 0) -> dict[str, Any]:
    kept = pairs[:MAX_ATTRIBUTES] if isinstance(pairs, list) else []
    return {_text(pair.get("key"))[:MAX_KEY_CHARS]: _value(pair.get("value"), depth) for pair in map(_dict, kept)}


def _value(value: Any, depth: int) -> Any:
    """An AnyValue; None if it is empty, binary, of an unknown kind, or nested too deeply."""
    given = _dict(value)
    if isinstance(given.get("stringValue"), str):
        return _text(given["stringValue"])
    if isinstance(given.get("boolValue"), bool):
        return given["boolValue"]
    if "intValue" in given:
        return _whole(given["intValue"])
    number = given.get("doubleValue")
    if isinstance(number, float):
        return number
    if isinstance(number, int) and _whole(number) is not None:
        return float(number)
    if depth >= MAX_VALUE_DEPTH:
        return None
    if "arrayValue" in given:
        return [_value(item, depth + 1) for item in _list(_dict(given["arrayValue"]), "values")[:MAX_LIST_ITEMS]]
    return _attributes(_dict(given["kvlistValue"]).get("values"), depth + 1) if "kvlistValue" in given else None


def _whole(value: Any) -> int | None:
    """A whole number, sent as text or number; None if it is none."""
    if isinstance(value, str):
        digits = value[1:] if value.startswith("-") else value
        return int(value) if len(digits) < 20 and digits.isascii() and digits.isdigit() else None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _INT64 else None


def _number(value: Any) -> int:
    return max(0, _whole(value) or 0)


def _id(value: Any) -> str:
    """An id as hex digits; empty for any other text."""
    text = value[:_ID_CHARS].lower() if isinstance(value, str) else ""
    return text if all(char in "0123456789abcdef" for char in text) else ""


def _text(value: Any) -> str:
    return value[:MAX_TEXT_CHARS] if isinstance(value, str) else ""


def _list(given: dict[str, Any], name: str) -> list[Any]:
    found = given.get(name)
    return found if isinstance(found, list) else []


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


JSON = Encoding("json", split_spans, split_logs, read_span, read_log)
