"""Accepts a request of OTLP: its requests and errors, within limits of size, number and time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from callwatch.api.http import Request
from callwatch.events.event import finish_foreign_event
from callwatch.events.work_limit import WorkBudget, WorkLimitReached
from callwatch.exceptions import TooLarge, Unreadable, UnsupportedType
from callwatch.ingest.content_encoding import decode
from callwatch.ingest.otlp import model_calls, occurrences, requests
from callwatch.ingest.otlp.json_form import JSON
from callwatch.ingest.otlp.paths import Signal
from callwatch.ingest.otlp.protobuf import PROTOBUF
from callwatch.ingest.otlp.records import Encoding, LogRecord, Span, Split

# A collector sends batches of 8,192 records (batchprocessor), SDKs 512.
MAX_RECORDS = 10_000
MAX_BODY_BYTES = 8 * 1024 * 1024
# As many errors as an SDK's batch has records.
MAX_ERRORS = 512
_ENCODINGS = {"application/x-protobuf": PROTOBUF, "application/protobuf": PROTOBUF, "application/json": JSON}
_TOO_COSTLY = "takes too long to read: send fewer records at once"


@dataclass(slots=True)
class Taken:
    """Finished events, rows of requests and of calls of models, and how many records were not accepted, with the first reason."""

    events: list[dict[str, Any]] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    model_calls: list[dict[str, Any]] = field(default_factory=list)
    rejected: int = 0
    why: str = ""

    def reject(self, count: int, why: str) -> None:
        """Count records that are not accepted."""
        if count > 0:
            self.rejected += count
            self.why = self.why or why


def accept(request: Request, signal: Signal, user_key: str, now: datetime, budget: WorkBudget) -> Taken:
    """The accepted part of a request.

    Raises UnsupportedType for another content type, Unreadable for a body that breaks off, TooLarge above MAX_BODY_BYTES or for
    one that takes too long to divide, and what `decode` raises.
    """
    encoding = _ENCODINGS.get(request.headers.get("content-type", "").partition(";")[0].strip().lower())
    if encoding is None:
        raise UnsupportedType("content-type must be application/x-protobuf or application/json")
    body = decode(request.body, request.headers.get("content-encoding", ""))
    if len(body) > MAX_BODY_BYTES:
        raise TooLarge(f"the body is longer than {MAX_BODY_BYTES} bytes: send fewer records at once")
    taken = Taken()
    split = _divide(signal, body, encoding, budget)
    taken.reject(split.total - len(split.records), f"a request must have at most {MAX_RECORDS} records")
    if signal == "traces":
        spans: list[Span] = _read_all([partial(encoding.read_span, *record) for record in split.records], budget, taken)
        exceptions = _read_all([partial(occurrences.list_exceptions, spans)], budget, taken)
        taken.rows = _read_all(
            [partial(requests.read_request, span, now) for span in requests.list_requests(spans)], budget, taken
        )
        called = model_calls.list_model_calls(spans)
        taken.model_calls = _read_all([partial(model_calls.read_model_call, call, now) for call in called], budget, taken)
        readers = [partial(occurrences.read_exception, raised, user_key) for found in exceptions for raised in found]
    else:
        records: list[LogRecord] = _read_all([partial(encoding.read_log, *record) for record in split.records], budget, taken)
        readers = [partial(occurrences.read_log_event, record, user_key) for record in records if occurrences.is_error(record)]
    taken.reject(len(readers) - MAX_ERRORS, f"a request must have at most {MAX_ERRORS} errors")
    given = _read_all(readers[:MAX_ERRORS], budget, taken)
    taken.events = [finish_foreign_event(event, now, budget) for event in given]
    return taken


def _divide(signal: Signal, body: bytes, encoding: Encoding, budget: WorkBudget) -> Split[Any]:
    split = encoding.split_spans if signal == "traces" else encoding.split_logs
    try:
        with budget.spend(0.5):
            return split(body, MAX_RECORDS)
    except WorkLimitReached:
        raise TooLarge(f"the body {_TOO_COSTLY}") from None
    except ValueError as error:
        raise Unreadable(f"the body is not OTLP in its {encoding.name} encoding: {error}"[:300]) from None


def _read_all(readers: Sequence[Callable[[], Any]], budget: WorkBudget, taken: Taken) -> list[Any]:
    """The results of those readers that end in time and raise no ValueError; the others count as rejected records."""
    found: list[Any] = []
    done = 0
    try:
        with budget.spend(0.5):
            for read in readers:
                try:
                    found.append(read())
                except ValueError as error:
                    taken.reject(1, f"a record cannot be read: {error}"[:300])
                done += 1
    except WorkLimitReached:
        taken.reject(len(readers) - done, f"the request {_TOO_COSTLY}")
    return found
