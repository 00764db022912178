"""Calls of models: rows by day, each once, with counters by hour; and the sums of the counters."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypedDict

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.copy import insert_new
from callwatch.db.core.query import execute, fetch_all
from callwatch.db.core.values import add_to_counters, format_uuid
from callwatch.models.latency import find_bucket

_KEY = ("day", "project_id", "environment", "span_key")
_COLUMNS = [
    *_KEY,
    "at",
    "provider",
    "model",
    "operation",
    "input_tokens",
    "output_tokens",
    "duration_ms",
    "has_failed",
    "call_id",
]
_MAX_CHARS = 100
_ADD = """
    INSERT INTO callwatch.model_usage_hourly AS known
        (hour, project_id, environment, provider, model, operation, bucket,
         count, errors, input_metered, output_metered, input_tokens, output_tokens, total_ms)
    VALUES %s ON CONFLICT (hour, project_id, environment, provider, model, operation, bucket)
    DO UPDATE SET count = known.count + EXCLUDED.count, errors = known.errors + EXCLUDED.errors,
                  input_metered = known.input_metered + EXCLUDED.input_metered,
                  output_metered = known.output_metered + EXCLUDED.output_metered,
                  input_tokens = known.input_tokens + EXCLUDED.input_tokens,
                  output_tokens = known.output_tokens + EXCLUDED.output_tokens,
                  total_ms = known.total_ms + EXCLUDED.total_ms
"""
# Project 0 is the monitor itself. The models that are called most come first.
_USAGE = """
    WITH busiest AS (
        SELECT provider, model, operation FROM callwatch.model_usage_hourly
        WHERE hour >= %(since)s AND hour < %(until)s AND project_id <> 0
        GROUP BY provider, model, operation ORDER BY sum(count) DESC, provider, model, operation LIMIT %(most)s
    )
    SELECT provider, model, operation, bucket, sum(count)::bigint AS count, sum(errors)::bigint AS errors,
           sum(input_metered)::bigint AS input_metered, sum(output_metered)::bigint AS output_metered,
           sum(input_tokens)::bigint AS input_tokens, sum(output_tokens)::bigint AS output_tokens, sum(total_ms) AS total_ms
    FROM callwatch.model_usage_hourly JOIN busiest USING (provider, model, operation)
    WHERE hour >= %(since)s AND hour < %(until)s AND project_id <> 0
    GROUP BY provider, model, operation, bucket
"""
_DELETE = "DELETE FROM callwatch.model_usage_hourly WHERE hour < %s"


Key = tuple[date, int, str, str]


@dataclass(frozen=True, slots=True)
class ModelCall:
    """One call of a model. span_key: 32 hex digits. at: aware, UTC. Tokens and call_id: None if it did not say them."""

    span_key: str
    project_id: int
    at: datetime
    provider: str
    model: str
    operation: str
    input_tokens: int | None
    output_tokens: int | None
    duration_ms: float
    has_failed: bool
    call_id: str | None
    environment: str = "production"

    @property
    def key(self) -> Key:
        """What no other call has."""
        return self.at.date(), self.project_id, self.environment[:_MAX_CHARS], self.span_key

    @property
    def names(self) -> tuple[str, str, str]:
        """Provider, model and operation, as they are stored."""
        return self.provider[:_MAX_CHARS], self.model[:_MAX_CHARS], self.operation[:_MAX_CHARS]


class ModelUsageRow(TypedDict):
    """Calls of a model within one bucket of times (of models.latency); the tokens are those of the calls that said them."""

    provider: str
    model: str
    operation: str
    bucket: int
    count: int
    errors: int
    input_metered: int
    output_metered: int
    input_tokens: int
    output_tokens: int
    total_ms: float


def insert_model_calls(conn: AnyConnection, calls: Sequence[ModelCall]) -> int:
    """Store calls of models, each once, and count them; returns how many were new. The caller commits."""
    by_key = {call.key: call for call in calls}
    ordered = [by_key[key] for key in sorted(by_key)]
    new_keys = insert_new(conn, "model_calls", _COLUMNS, _KEY, [_build_row(call) for call in ordered])
    fresh = ordered if new_keys is None else [call for call in ordered if _build_text_key(call) in new_keys]
    sums: dict[tuple[datetime, int, str, str, str, str, int], list[float]] = {}
    for call in fresh:
        hour = call.at.replace(minute=0, second=0, microsecond=0)
        tokens = (call.input_tokens, call.output_tokens)
        metered = (given is not None for given in tokens)
        added = (1, call.has_failed, *metered, *(given or 0 for given in tokens), call.duration_ms)
        entry = sums.setdefault((hour, *call.key[1:3], *call.names, find_bucket(call.duration_ms)), [0] * len(added))
        entry[:] = [before + more for before, more in zip(entry, added, strict=True)]
    add_to_counters(conn, _ADD, sums)
    return len(fresh)


def read_model_usage(conn: AnyConnection, since: datetime, until: datetime, most: int) -> list[ModelUsageRow]:
    """The calls of the models that were called most, by bucket; whole hours."""
    return fetch_all(conn, _USAGE, {"since": since, "until": until, "most": most}, ModelUsageRow)


def delete_usage_before(conn: AnyConnection, before: datetime) -> int:
    """Delete old counters, and return how many rows; the caller commits."""
    return execute(conn, _DELETE, (before,))


def _build_text_key(call: ModelCall) -> tuple[str, ...]:
    day, project_id, environment, span_key = call.key
    return day.isoformat(), str(project_id), environment, format_uuid(span_key)


def _build_row(call: ModelCall) -> tuple[object, ...]:
    return (
        *call.key, call.at.isoformat(), *call.names, call.input_tokens, call.output_tokens, call.duration_ms, call.has_failed,
        call.call_id,
    )  # fmt: skip
