"""Reads OTLP in its binary encoding: the messages of opentelemetry-proto, only the fields that are used.

Field numbers: opentelemetry-proto 1.x, trace.proto, logs.proto, common.proto and resource.proto. Unknown fields are skipped.
"""

from collections.abc import Iterable
from typing import Any

from callwatch.ingest.otlp.records import (
    MAX_ATTRIBUTES,
    MAX_EVENTS,
    MAX_KEY_CHARS,
    MAX_LIST_ITEMS,
    MAX_TEXT_CHARS,
    MAX_VALUE_DEPTH,
    Encoding,
    LogRecord,
    Origin,
    Span,
    SpanEvent,
    Split,
    is_of_interest,
)
from callwatch.ingest.otlp.wire import BYTES, FIXED64, VARINT, to_double, to_signed, walk_fields

# UTF-8 has at most four bytes for a character.
_MAX_TEXT_BYTES = 4 * MAX_TEXT_CHARS
_ID_BYTES = 16


def split_records(body: bytes, most: int) -> Split[bytes]:
    """The records of ExportTraceServiceRequest or ExportLogsServiceRequest, which have the same frame."""
    split: Split[bytes] = Split([])
    for resource_number, _kind, part in walk_fields(body):
        if resource_number != 1 or not isinstance(part, bytes):
            continue
        resource = _read_resource(part)
        for number, _kind, held in walk_fields(part):
            if number == 2 and isinstance(held, bytes):
                _split_scope(held, resource, split, most)
    return split


def _split_scope(held: bytes, resource: dict[str, Any], split: Split[bytes], most: int) -> None:
    origin = Origin(resource, _read_scope(held))
    for number, _kind, record in walk_fields(held):
        if number == 2 and isinstance(record, bytes):
            split.add(origin, record, most)


def _read_resource(part: bytes) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for number, _kind, value in walk_fields(part):
        if number == 1 and isinstance(value, bytes):
            found |= _read_attributes(item for place, _k, item in walk_fields(value) if place == 1 and isinstance(item, bytes))
    return found


def _read_scope(held: bytes) -> str:
    for number, _kind, value in walk_fields(held):
        if number == 1 and isinstance(value, bytes):
            return next((_read_text(item) for place, _k, item in walk_fields(value) if place == 1), "")
    return ""


def read_span(origin: Origin, raw: bytes) -> Span:
    """A span; its attributes and events only if they are of interest."""
    one: dict[int, int | bytes] = {}
    attributes: list[bytes] = []
    events: list[bytes] = []
    for number, _kind, value in walk_fields(raw):
        if number == 9 and isinstance(value, bytes):
            attributes.append(value)
        elif number == 11 and isinstance(value, bytes):
            events.append(value)
        else:
            one[number] = value
    kind = _read_number(one.get(6))
    status = one.get(15)
    codes = {place: value for place, _k, value in walk_fields(status)} if isinstance(status, bytes) else {}
    is_read = is_of_interest(kind, bool(events), b"gen_ai." in raw)
    return Span(
        origin=origin,
        trace_id=_read_hex(one.get(1)),
        span_id=_read_hex(one.get(2)),
        parent_id=_read_hex(one.get(4)),
        name=_read_text(one.get(5)),
        kind=kind,
        start_ns=_read_number(one.get(7)),
        end_ns=_read_number(one.get(8)),
        has_failed=_read_number(codes.get(3)) == 2,
        flags=_read_number(one.get(16)),
        attributes=_read_attributes(attributes) if is_read else {},
        events=tuple(_read_event(event) for event in events[:MAX_EVENTS]),
    )


def read_log(origin: Origin, raw: bytes) -> LogRecord:
    """A log record."""
    one: dict[int, int | bytes] = {}
    attributes: list[bytes] = []
    for number, _kind, value in walk_fields(raw):
        if number == 6 and isinstance(value, bytes):
            attributes.append(value)
        else:
            one[number] = value
    body = one.get(5)
    return LogRecord(
        origin=origin,
        trace_id=_read_hex(one.get(9)),
        span_id=_read_hex(one.get(10)),
        time_ns=_read_number(one.get(1)) or _read_number(one.get(11)),
        severity=_read_number(one.get(2)),
        severity_text=_read_text(one.get(3))[:MAX_KEY_CHARS],
        event_name=_read_text(one.get(12))[:MAX_KEY_CHARS],
        body=_read_value(body, 0) if isinstance(body, bytes) else None,
        attributes=_read_attributes(attributes),
    )


def _read_event(raw: bytes) -> SpanEvent:
    fields = list(walk_fields(raw))
    one = {number: value for number, _kind, value in fields}
    attributes = [value for number, _kind, value in fields if number == 3 and isinstance(value, bytes)]
    return SpanEvent(_read_number(one.get(1)), _read_text(one.get(2)), _read_attributes(attributes))


def _read_attributes(raw: Iterable[bytes], depth: int = 0) -> dict[str, Any]:
    """Attributes by their keys, the first MAX_ATTRIBUTES of them."""
    found: dict[str, Any] = {}
    for _place, pair in zip(range(MAX_ATTRIBUTES), raw, strict=False):
        key, value = "", None
        for number, _kind, part in walk_fields(pair):
            if number == 1:
                key = _read_text(part)[:MAX_KEY_CHARS]
            elif number == 2 and isinstance(part, bytes):
                value = _read_value(part, depth)
        found[key] = value
    return found


def _read_value(raw: bytes, depth: int) -> Any:
    """An AnyValue; None if it is empty, binary, or nested too deeply."""
    value: Any = None
    for number, kind, part in walk_fields(raw):
        if isinstance(part, int):
            if number == 2 and kind == VARINT:
                value = part != 0
            elif number == 3 and kind == VARINT:
                value = to_signed(part)
            elif number == 4 and kind == FIXED64:
                value = to_double(part)
        elif number == 1:
            value = _read_text(part)
        elif number in (5, 6) and depth < MAX_VALUE_DEPTH:
            items = (item for place, wire, item in walk_fields(part) if place == 1 and wire == BYTES and isinstance(item, bytes))
            if number == 6:
                value = _read_attributes(items, depth + 1)
            else:
                value = [_read_value(item, depth + 1) for _place, item in zip(range(MAX_LIST_ITEMS), items, strict=False)]
    return value


def _read_text(value: int | bytes | None) -> str:
    return value[:_MAX_TEXT_BYTES].decode("utf-8", "replace")[:MAX_TEXT_CHARS] if isinstance(value, bytes) else ""


def _read_hex(value: int | bytes | None) -> str:
    return value[:_ID_BYTES].hex() if isinstance(value, bytes) else ""


def _read_number(value: int | bytes | None) -> int:
    return value if isinstance(value, int) else 0


PROTOBUF = Encoding("protobuf", split_records, split_records, read_span, read_log)
