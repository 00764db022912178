"""Spans and log records as both encodings of OTLP yield them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

Raw = TypeVar("Raw")

SERVER = 2
# The specification's default limit of attributes, and of events of a span, is 128.
MAX_ATTRIBUTES = 256
MAX_EVENTS = 128
MAX_KEY_CHARS = 200
# More than is kept of any text, so that what keeps it sees that it is cut.
MAX_TEXT_CHARS = 110_000
MAX_LIST_ITEMS = 50
MAX_VALUE_DEPTH = 6

Attributes = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Origin:
    """Who sent a record: the attributes of its resource, and the name of its scope."""

    resource: Attributes
    scope: str = ""


@dataclass(frozen=True, slots=True)
class SpanEvent:
    """Something that happened during a span, at `time_ns` since 1970."""

    time_ns: int
    name: str
    attributes: Attributes


@dataclass(frozen=True, slots=True)
class Span:
    """One span. Ids are hex digits; times are ns since 1970, 0 if unknown.

    attributes: empty if nothing of the span is of interest (`is_of_interest`). flags: W3C's, and whether the parent is remote.
    """

    origin: Origin
    trace_id: str
    span_id: str
    parent_id: str
    name: str
    kind: int
    start_ns: int
    end_ns: int
    has_failed: bool
    flags: int
    attributes: Attributes = field(default_factory=dict)
    events: tuple[SpanEvent, ...] = ()


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One log record; severity: 1 to 24 as the specification orders them, 0 if only its text says it."""

    origin: Origin
    trace_id: str
    span_id: str
    time_ns: int
    severity: int
    severity_text: str
    event_name: str
    body: Any
    attributes: Attributes


@dataclass(slots=True)
class Split(Generic[Raw]):
    """The records of a body before they are read: those within the limit, and how many there are in all."""

    records: list[tuple[Origin, Raw]]
    total: int = 0

    def add(self, origin: Origin, raw: Raw, most: int) -> None:
        """Count a record, and keep it if there is room."""
        self.total += 1
        if len(self.records) < most:
            self.records.append((origin, raw))


@dataclass(frozen=True, slots=True)
class Encoding:
    """How one encoding is read. Each function raises ValueError for what it cannot read.

    split_spans and split_logs take a body and the most records to keep.
    """

    name: str
    split_spans: Callable[[bytes, int], Split[Any]]
    split_logs: Callable[[bytes, int], Split[Any]]
    read_span: Callable[[Origin, Any], Span]
    read_log: Callable[[Origin, Any], LogRecord]


def is_of_interest(kind: int, has_events: bool, mentions_model: bool) -> bool:
    """Whether the attributes of a span are read: it is a request, holds exceptions, or is the call of a model."""
    return kind == SERVER or has_events or mentions_model
