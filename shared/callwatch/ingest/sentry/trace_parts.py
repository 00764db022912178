"""Reads the parts of a trace that transactions and spans share: times, status, names, and what it is about."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from callwatch.models.work import WorkKind

STATUS_NAMES = ("http.response.status_code", "http.status_code")
MAX_SPAN_S = 86_400.0
# Exactly these: Next.js reports its middleware as http.server.middleware. The others are those of older SDKs for Ruby and Go.
_REQUEST_OPS = frozenset({"http.server", "rails.request", "rack.request", "http.handler"})
_FUNCTION_OP = re.compile(r"function\.(?:aws|gcp|azure)(?:\.[a-z_.]{1,40})?")
_JOB_OP = re.compile(
    r"queue\.(?:task|process|sidekiq|active_job|delayed_job|resque)(?:\.[a-z_.]{1,40})?|celery\.task|rake\.task|console\.command"
    r"|task|cron|job"
)
# HTTP status by a trace's status word, if no number was given.
_CODES = {
    "ok": 200, "cancelled": 499, "invalid_argument": 400, "failed_precondition": 400, "out_of_range": 400, "unauthenticated": 401,
    "permission_denied": 403, "not_found": 404, "already_exists": 409, "aborted": 409, "resource_exhausted": 429,
    "unimplemented": 501, "unavailable": 503, "deadline_exceeded": 504, "internal_error": 500, "unknown_error": 500,
    "data_loss": 500,
}  # fmt: skip
# The words of runs that ended as they should; a run without a word ended without an exception.
_GOOD_WORDS = frozenset({"", "none", "ok", "unset", "cancelled"})
_CODE = re.compile(r"[1-5]\d\d", re.ASCII)


def is_request(op: str) -> bool:
    """Whether an operation is a request that a server answers."""
    return op in _REQUEST_OPS


def find_work(op: str) -> WorkKind | None:
    """What kind of work an operation is, or None if it is none."""
    if _FUNCTION_OP.fullmatch(op):
        return "function"
    return "job" if _JOB_OP.fullmatch(op) else None


def is_partial_view(data: Mapping[str, Any]) -> bool:
    """Whether a span of Next.js is about a request that another one reports whole.

    `next start` sends a root for the pass through the middleware, with a status of 200 that was never sent, and one without a
    route for a request that the edge runtime handles and reports itself.
    """
    is_outer = data.get("next.span_type") == "BaseServer.handleRequest"
    return data.get("next.bubble") is True or (is_outer and not (data.get("next.route") or data.get("http.route")))


def read_status(status: Any, word: Any, data: Mapping[str, Any]) -> tuple[int | None, bool]:
    """The HTTP status, None if none was sent; and whether the trace says that the request failed.

    SDKs on OpenTelemetry write "ok" where nobody said anything, and Node's default of 200 where no response began.
    """
    code = int(str(status)) if _CODE.fullmatch(str(status)) else None
    text = str(word or "")
    is_by_default = "sentry.origin" in data or "otel.kind" in data
    if code == 200 and data.get("http.status_text") == "" and str(data.get("http.flavor", "")).startswith("1"):
        return None, False
    if code is not None:
        return code, code >= 500
    if text == "ok" and is_by_default:
        return None, False
    return _CODES.get(text), text == "error" or _CODES.get(text, 0) >= 500


def has_work_failed(word: Any) -> bool:
    """Whether a run says that it failed."""
    return str(word or "").lower() not in _GOOD_WORDS


def read_span_times(started: Any, ended: Any) -> tuple[float, datetime] | None:
    """How long it took in ms, and its end; None for times that make no sense."""
    began_s, ended_s = _read_seconds(started), _read_seconds(ended)
    if began_s is None or ended_s is None or not 0 <= ended_s - began_s <= MAX_SPAN_S:
        return None
    return round((ended_s - began_s) * 1000, 3), datetime.fromtimestamp(ended_s, UTC)


def _read_seconds(value: Any) -> float | None:
    try:
        seconds = float(value) if isinstance(value, (int, float)) else datetime.fromisoformat(value).timestamp()
        datetime.fromtimestamp(seconds, UTC)
        return seconds
    except (ValueError, TypeError, OverflowError, OSError):
        return None


def find_first(data: Mapping[str, Any], *names: str) -> Any:
    """The value of the first of these names that has one."""
    return next((data[name] for name in names if data.get(name) not in (None, "")), None)


def to_dict(value: Any) -> dict[str, Any]:
    """A JSON object; empty for anything else."""
    return value if isinstance(value, dict) else {}
