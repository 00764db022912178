"""Reads how sessions ended: `session` items about one, and `sessions` items with sums of many.

A session is counted when it begins, and its end when that comes: a client sends each once.
"""

from collections.abc import Mapping
from typing import Any

from callwatch.ingest.report import MAX_COUNT
from callwatch.ingest.routes import clean_text
from callwatch.models.telemetry import Sessions

# A client sums by minute; an hour offline is sixty.
_MAX_AGGREGATES = 100
_ENDED_BADLY = ("errored", "crashed", "abnormal")


def read_session(payload: Any) -> Sessions | None:
    """One session, or one of its ends; None if it names no release, or says nothing that is counted."""
    given = payload if isinstance(payload, dict) else {}
    origin = _read_origin(given)
    if origin is None:
        return None
    status = str(given.get("status") or "ok")
    is_first = given.get("init") is True or given.get("seq") == 0
    has_errors = status == "errored" or (status == "exited" and _count(given, "errors") > 0)
    return Sessions(*origin, int(is_first), int(has_errors), int(status == "crashed"), int(status == "abnormal"))


def read_session_sums(payload: Any) -> Sessions | None:
    """The sums of many sessions of one release."""
    given = payload if isinstance(payload, dict) else {}
    origin, held = _read_origin(given), given.get("aggregates")
    if origin is None or not isinstance(held, list):
        return None
    parts = [part for part in held[:_MAX_AGGREGATES] if isinstance(part, dict)]
    bad = {name: _limit(sum(_count(part, name) for part in parts)) for name in _ENDED_BADLY}
    good = sum(_count(part, "exited") for part in parts)
    return Sessions(*origin, _limit(good + sum(bad.values())), bad["errored"], bad["crashed"], bad["abnormal"])


def _read_origin(given: Mapping[str, Any]) -> tuple[str, str] | None:
    attributes = given.get("attrs")
    named = attributes if isinstance(attributes, dict) else {}
    release = clean_text(named.get("release"), 200)
    return (clean_text(named.get("environment"), 100) or "production", release) if release else None


def _count(part: Mapping[str, Any], name: str) -> int:
    value = part.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= 0:
        return 0
    return int(min(value, MAX_COUNT))


def _limit(count: int) -> int:
    return min(count, MAX_COUNT)
