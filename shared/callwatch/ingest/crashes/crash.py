"""One crash of a function as an event: grouped by function and kind, and known by its request."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

Kind = Literal["timeout", "memory", "exit", "crash", "fatal"]
# The order in which one request's kinds are preferred: the one that says most comes first.
KINDS: tuple[Kind, ...] = ("timeout", "memory", "exit", "fatal", "crash")
_TYPES: Mapping[Kind, str] = {
    "timeout": "FunctionTimeout",
    "memory": "FunctionOutOfMemory",
    "exit": "FunctionExit",
    "crash": "FunctionCrash",
    "fatal": "FunctionFatal",
}
_SEARCHED_CHARS = 64 * 1024
_TIMED_OUT = re.compile(r"Task timed out(?: after ([0-9]{1,6}(?:\.[0-9]{1,6})?) seconds)?")
_KILLED = re.compile(r"signal: killed|Runtime\.OutOfMemory|out of memory", re.IGNORECASE)
_EXITED = re.compile(r"Runtime\.ExitError|exit status [0-9]{1,3}|exited with error")
_DURATION = re.compile(r"Duration: ([0-9]{1,9}(?:\.[0-9]{1,6})?) ms")
_REQUEST = re.compile(r"RequestId: ([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})")
_LEADING_REQUEST = re.compile(r"(?:\S{1,40} )?([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}) ")


@dataclass(frozen=True, slots=True)
class Crash:
    """One crash as a platform logged it. log_id: of the line; context: what else is known, for people."""

    platform: str
    kind: Kind
    function: str
    message: str
    occurred_at: datetime | None
    log_id: str
    request_id: str | None = None
    duration_ms: float | None = None
    environment: str | None = None
    release: str | None = None
    context: Mapping[str, Any] | None = None


def find_kind(text: str) -> Kind | None:
    """The kind of crash that a line of a log tells; None for any other line."""
    part = text[:_SEARCHED_CHARS]
    if _TIMED_OUT.search(part):
        return "timeout"
    if _KILLED.search(part):
        return "memory"
    return "exit" if _EXITED.search(part) else None


def find_request_id(text: str) -> str | None:
    """The request that a line of Lambda's log is about."""
    match = _REQUEST.search(text[:_SEARCHED_CHARS]) or _LEADING_REQUEST.match(text[:200])
    return match[1] if match else None


def find_duration_ms(text: str) -> float | None:
    """How long the function ran, as a line of its log tells."""
    timed_out, reported = _TIMED_OUT.search(text[:_SEARCHED_CHARS]), _DURATION.search(text[:_SEARCHED_CHARS])
    if timed_out and timed_out[1]:
        return 1000 * float(timed_out[1])
    return float(reported[1]) if reported else None


def choose_crashes(crashes: Iterable[Crash]) -> list[Crash]:
    """One crash for each request: a platform writes several lines about one. The kind that says most is kept."""
    found: dict[str, Crash] = {}
    for crash in crashes:
        key = crash.request_id or crash.log_id
        known = found.get(key)
        if known is None or KINDS.index(crash.kind) < KINDS.index(known.kind):
            found[key] = crash
    return list(found.values())


def build_event(crash: Crash, project_id: int) -> dict[str, Any]:
    """The event of a crash, still to be finished. Its id is the same for every line about the same request."""
    identity = f"{project_id} {crash.platform} {crash.request_id or crash.log_id}"
    context = {"function": crash.function, "request_id": crash.request_id, "duration_ms": crash.duration_ms}
    known = {name: value for name, value in {**context, **(crash.context or {})}.items() if value is not None}
    return {
        "event_id": hashlib.sha256(identity.encode("utf-8", "replace")).hexdigest()[:32],
        "type": _TYPES[crash.kind],
        "message": f"{crash.function}: {crash.message}"[:2_000],
        "level": "fatal",
        "severity": "high",
        "category": "system",
        "fingerprint": [crash.platform, crash.kind, crash.function],
        "endpoint": crash.function[:300],
        "occurred_at": crash.occurred_at,
        "environment": crash.environment,
        "release": crash.release,
        "context": known,
    }


def read_time(epoch_ms: Any) -> datetime | None:
    """The time of a log line; None for what is no time."""
    try:
        return datetime.fromtimestamp(epoch_ms / 1000, UTC) if not isinstance(epoch_ms, bool) else None
    except (TypeError, ValueError, OverflowError, OSError):
        return None
