"""Calls of models behind spans with `gen_ai.*` attributes: who, what, how many tokens, how long; never what was said."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from callwatch.events.event import clamp
from callwatch.ingest.otlp.attributes import CALL_ID, describe_origin, find_first, read_text, to_time
from callwatch.ingest.otlp.records import SERVER, Span
from callwatch.ingest.routes import clean_text

# These hold calls of models, whose tokens they may repeat.
_AROUND_CALLS = frozenset(["create_agent", "execute_tool", "invoke_agent", "invoke_workflow"])
_PROVIDER = ("gen_ai.provider.name", "gen_ai.system")
_MODEL = ("gen_ai.request.model", "gen_ai.response.model")
_OPERATION = "gen_ai.operation.name"
_INPUT = ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens")
_OUTPUT = ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens")
# Far above the context of any model.
_MAX_TOKENS = 10**9
_MAX_NS = 86_400 * 10**9
_MAX_CHARS = 100


@dataclass(frozen=True, slots=True)
class ModelCall:
    """A span that calls a model; request: the server span in which it was made, if the same body holds it."""

    span: Span
    request: Span | None


def list_model_calls(spans: Iterable[Span]) -> list[ModelCall]:
    """The spans that call a model: with its name or with tokens, and no agent or tool around such calls."""
    spans = list(spans)
    requests = {span.trace_id: span for span in spans if span.kind == SERVER}
    return [ModelCall(span, requests.get(span.trace_id)) for span in spans if _is_call(span)]


def read_model_call(call: ModelCall, now: datetime) -> dict[str, Any]:
    """The row of a call. Raises ValueError if its duration cannot be known."""
    span, given = call.span, call.span.attributes
    ended_at, took_ns = to_time(span.end_ns), span.end_ns - span.start_ns
    if ended_at is None or not span.start_ns or not 0 <= took_ns <= _MAX_NS or not span.span_id:
        raise ValueError("the call of a model needs its id, its start and its end")
    call_id = read_text(given, CALL_ID) or (read_text(call.request.attributes, CALL_ID) if call.request else "")
    return {
        "span_key": hashlib.sha256(f"{span.trace_id}:{span.span_id}".encode()).hexdigest()[:32],
        "at": clamp(ended_at, now).isoformat(),
        "environment": clean_text(describe_origin(span.origin)["environment"], _MAX_CHARS) or "production",
        "provider": clean_text(read_text(given, *_PROVIDER), _MAX_CHARS),
        "model": clean_text(read_text(given, *_MODEL), _MAX_CHARS),
        "operation": clean_text(read_text(given, _OPERATION), _MAX_CHARS),
        "input_tokens": _read_tokens(find_first(given, *_INPUT)),
        "output_tokens": _read_tokens(find_first(given, *_OUTPUT)),
        "duration_ms": round(took_ns / 1e6, 3),
        "has_failed": span.has_failed or find_first(given, "error.type") is not None,
        "call_id": clean_text(call_id, 200),
    }


def _is_call(span: Span) -> bool:
    given = span.attributes
    if find_first(given, *_MODEL, *_INPUT, *_OUTPUT) is None:
        return False
    return read_text(given, _OPERATION) not in _AROUND_CALLS


def _read_tokens(value: Any) -> int | None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return int(value) if is_number and 0 <= value <= _MAX_TOKENS else None
