"""One crash of a function as an event: grouped by function and kind, and known by its request."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
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
# A platform's own words begin a line, after nothing but the time and the request. A program may log the same words: they come
# after its level or its logger, or in the middle of a sentence.
_TIME = r"(?:[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{5,20}Z? )?"
_START = rf"^{_TIME}(?:RequestId: \S{{1,60}} )?(?:Error: )?"
_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_TIMED_OUT = re.compile(
    rf"^(?:{_TIME}{_UUID} |RequestId: {_UUID} Error: |Vercel Runtime Timeout Error: )?"
    r"Task timed out(?: after ([0-9]{1,6}(?:\.[0-9]{1,6})?) seconds)?"
    r"|^REPORT RequestId: [^\n]{1,500}\bStatus: timeout\b",
    re.MULTILINE,
)
_KILLED = re.compile(
    rf"{_START}(?:Runtime exited with error: signal: killed|Runtime\.OutOfMemory)\b"
    r"|^REPORT RequestId: [^\n]{1,500}\bError Type: Runtime\.OutOfMemory\b"
    r"|^(?:Node\.js|Bun|Python|Go|Ruby|Rust) process exited with signal: (?:9|SIGKILL)\b"
    r"|^FATAL ERROR: [^\n]{0,200}heap out of memory\b",
    re.MULTILINE,
)
_EXITED = re.compile(
    rf"{_START}(?:Runtime exited with(?:out)?|Runtime\.ExitError|Process exited before completing request"
    r"|Extension\.(?:Crash|ExitError))\b"
    r"|^REPORT RequestId: [^\n]{1,500}\bError Type: (?:Runtime\.ExitError|Extension\.(?:Crash|ExitError))\b"
    r"|^(?:Node\.js|Bun|Python|Go|Ruby|Rust) process exited with (?:exit status|signal): [0-9]{1,3}\b",
    re.MULTILINE,
)
_DURATION = re.compile(r"Duration: ([0-9]{1,9}(?:\.[0-9]{1,6})?) ms")
_REQUEST = re.compile(rf"RequestId: ({_UUID})")
_LEADING_REQUEST = re.compile(rf"(?:\S{{1,40}} )?({_UUID}) ")


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
    """The kind of crash that a platform tells in a line of a log; None for any other line, also of a program about another."""
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
    """One crash for each request: a platform writes several lines about one. The kind that says most is kept, and the duration
    that any of them names.
    """
    found: dict[str, Crash] = {}
    for crash in crashes:
        key = crash.request_id or crash.log_id
        known = found.get(key)
        is_better = known is None or KINDS.index(crash.kind) < KINDS.index(known.kind)
        kept, other = (crash, known) if is_better or known is None else (known, crash)
        found[key] = replace(kept, duration_ms=other.duration_ms) if other and kept.duration_ms is None else kept
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
