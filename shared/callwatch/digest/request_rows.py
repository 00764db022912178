"""Reads the rows that messages hold: finished requests of the product, and calls of models."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from callwatch.db import compute_day_window
from callwatch.db.queries.api_logs import Arrival, FinishedRequest
from callwatch.db.usage_queries.model_calls import ModelCall
from callwatch.digest.ingest_reports import read_sdk
from callwatch.digest.message_parser import read_time_field

Messages = Sequence[tuple[str, dict[str, Any]]]
Row = TypeVar("Row")


def read_requests(messages: Messages, now: datetime) -> list[FinishedRequest]:
    """Read the requests of messages (body, content). Raises KeyError, TypeError or ValueError for one that is not ours."""
    return _read_rows(messages, "requests", _read_request, now)


def read_model_calls(messages: Messages, now: datetime) -> list[ModelCall]:
    """Read the calls of models, as `read_requests` does."""
    return _read_rows(messages, "model_calls", _read_model_call, now)


def _read_rows(
    messages: Messages, name: str, read: Callable[[dict[str, Any], int, datetime, Arrival], Row], now: datetime
) -> list[Row]:
    first, _last = compute_day_window(now)
    oldest = datetime.combine(first, datetime.min.time(), UTC)
    found = []
    for _body, message in messages:
        received_at, sdk, project_id = read_time_field(message["received_at"]), read_sdk(message), int(message["project_id"])
        for row in message[name]:
            # No time is later than the arrival: with a clock that runs ahead, it would be among the latest until it is right.
            at = max(oldest, min(read_time_field(row["at"]), received_at))
            found.append(read(row, project_id, at, Arrival(received_at, sdk, str(row.get("category") or "request"))))
    return found


def _read_request(row: dict[str, Any], project_id: int, at: datetime, arrival: Arrival) -> FinishedRequest:
    status = row["status_code"]
    return FinishedRequest(
        request_id=str(row["request_id"]),
        project_id=project_id,
        at=at,
        method=str(row["method"]),
        route=str(row["route"]),
        status_code=None if status is None else int(status),
        response_time_ms=float(row["response_time_ms"]),
        environment=_read_environment(row),
        release=_read_optional(row.get("release")),
        source=str(row.get("source") or "api"),
        has_failed=bool(row.get("has_failed")),
        arrival=arrival,
    )


def _read_model_call(row: dict[str, Any], project_id: int, at: datetime, _arrival: Arrival) -> ModelCall:
    return ModelCall(
        span_key=str(row["span_key"]),
        project_id=project_id,
        at=at,
        provider=str(row["provider"] or ""),
        model=str(row["model"] or ""),
        operation=str(row["operation"] or ""),
        input_tokens=row["input_tokens"],
        output_tokens=row["output_tokens"],
        duration_ms=float(row["duration_ms"]),
        has_failed=bool(row["has_failed"]),
        call_id=_read_optional(row["call_id"]),
        environment=_read_environment(row),
    )


def _read_optional(given: Any) -> str | None:
    return None if given is None else str(given)


def _read_environment(row: dict[str, Any]) -> str:
    return str(row.get("environment") or "production")
