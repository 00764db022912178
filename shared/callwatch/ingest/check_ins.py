"""Accepts check-ins: one report that a job started, succeeded or failed, with its schedule if it names one."""

import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeGuard

from callwatch.crons.runs import STATUSES
from callwatch.crons.schedule import MAX_CRONTAB_CHARS, InvalidSchedule, parse_schedule
from callwatch.crons.verdict import MAX_THRESHOLD
from callwatch.exceptions import Rejected
from callwatch.ingest.routes import clean_text

MAX_SLUG_CHARS = 100
_SLUG_HASH_CHARS = 8
_MAX_NAME_CHARS, _MAX_RELEASE_CHARS = 100, 200
_MAX_MINUTES = 366 * 24 * 60
_MAX_DURATION_S = 366 * 86_400
# How long an SDK may hold a check-in before it is sent; with a larger difference one of the two clocks is wrong.
_MAX_HELD = timedelta(minutes=10)
_HEX_ID = re.compile(r"[0-9a-f]{32}")
_NO_ID = "0" * 32


def accept_check_in(given: Any, now: datetime, sent_at: datetime | None = None) -> tuple[dict[str, Any], list[str]]:
    """The row of one check-in, in the shape of Sentry's item, and what of its monitor_config cannot be used.

    sent_at: when its sender says that it sent it; a check-in has no other time of its own. Raises Rejected with the bad field.
    """
    if not isinstance(given, dict):
        raise Rejected("", "must be an object")
    status = given.get("status")
    if status not in STATUSES:
        raise Rejected("status", f"is required and must be one of {', '.join(STATUSES)}")
    run_id = _read_id(given.get("check_in_id"))
    at = sent_at if sent_at is not None and now - _MAX_HELD <= sent_at <= now else now
    # What a sender repeats, because the answer did not reach it, is the same check-in.
    is_repeatable = run_id is not None and sent_at is not None
    message_id = _derive_id(run_id, status, at) if is_repeatable else os.urandom(16).hex()
    config, problems = _read_config(given.get("monitor_config"))
    return {
        "message_id": message_id,
        "run_id": run_id,
        "slug": read_slug(given.get("monitor_slug")),
        "environment": _read_name(given.get("environment"), "environment", _MAX_NAME_CHARS) or "production",
        "release": _read_name(given.get("release"), "release", _MAX_RELEASE_CHARS),
        "status": status,
        "at": at.isoformat(),
        "duration_s": _read_duration(given.get("duration")),
        "config": config,
    }, problems


def build_check_in_message(rows: Sequence[Mapping[str, Any]], project_id: int, now: datetime) -> str:
    """The queue message that carries accepted check-ins."""
    head = {"v": 1, "kind": "check_ins", "project_id": project_id, "received_at": now.isoformat()}
    return json.dumps({**head, "check_ins": list(rows)}, separators=(",", ":"))


def read_slug(value: Any) -> str:
    """The name of a monitor, of letters, digits, and any of _ . - only. Raises Rejected.

    Where that loses letters, or the end of a long name, a hash of the name keeps jobs apart: one that succeeds must not clear
    the failure of another.
    """
    text = clean_text(value, 10 * MAX_SLUG_CHARS) or "" if isinstance(value, str) else ""
    slug = re.sub(r"[^A-Za-z0-9_.]+", "-", text).strip("-.")
    if len(slug) > MAX_SLUG_CHARS or any(char.isalnum() and not char.isascii() for char in text):
        digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:_SLUG_HASH_CHARS]
        slug = f"{slug[: MAX_SLUG_CHARS - _SLUG_HASH_CHARS - 1]}-{digest}".strip("-.")
    if not slug:
        raise Rejected("monitor_slug", "is required and must be a text of letters, digits, and any of _ . -")
    return slug


def _read_id(value: Any) -> str | None:
    """32 hex digits; None for none, and for the id of zeros, by which Sentry's protocol means the last run."""
    if value is None or value == "":
        return None
    found = value.replace("-", "").lower() if isinstance(value, str) and len(value) <= 40 else ""
    if not _HEX_ID.fullmatch(found):
        raise Rejected("check_in_id", "must be a UUID")
    return None if found == _NO_ID else found


def _derive_id(run_id: str | None, status: str, at: datetime) -> str:
    return hashlib.sha256(f"{run_id} {status} {at.isoformat()}".encode()).hexdigest()[:32]


def _read_name(value: Any, field: str, limit: int) -> str | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str) or len(value) > limit:
        raise Rejected(field, f"must be a text of at most {limit} characters")
    return clean_text(value, limit)


def _read_duration(value: Any) -> float | None:
    if value is None:
        return None
    if not _is_number(value) or not 0 <= value <= _MAX_DURATION_S:
        raise Rejected("duration", f"must be seconds from 0 to {_MAX_DURATION_S}")
    return float(value)


def _read_config(given: Any) -> tuple[dict[str, Any] | None, list[str]]:
    """Schedule and limits, as the digest stores them. What is wrong in it costs no check-in: it is left out and named."""
    if given is None:
        return None, []
    if not isinstance(given, dict):
        return None, ["monitor_config must be an object"]
    problems: list[str] = []
    config = {
        "schedule": _read_schedule(given.get("schedule"), given.get("timezone"), problems),
        "margin_s": _read_minutes(given, "checkin_margin", problems),
        "max_runtime_s": _read_minutes(given, "max_runtime", problems) or None,
        "failure_threshold": _read_threshold(given, "failure_issue_threshold", problems),
        "recovery_threshold": _read_threshold(given, "recovery_threshold", problems),
    }
    return {name: value for name, value in config.items() if value is not None}, [f"monitor_config.{each}" for each in problems]


def _read_schedule(given: Any, timezone: Any, problems: list[str]) -> dict[str, Any] | None:
    """The schedule with its zone; with `error`, if it cannot be used, so that the monitor shows it."""
    if given is None:
        return None
    if not isinstance(given, dict):
        problems.append("schedule must be an object")
        return None
    # The older form of Sentry's SDKs for an interval is a list: [10, "minute"].
    value, unit = given.get("value"), given.get("unit")
    if isinstance(value, list) and len(value) == 2:
        value, unit = value
    try:
        schedule = parse_schedule(given.get("type"), value, unit, timezone)
    except InvalidSchedule as error:
        problems.append(str(error))
        return {"text": clean_text(value, MAX_CRONTAB_CHARS) or "", "error": clean_text(str(error), 400)}
    found = {"text": schedule.text, "timezone": schedule.timezone}
    return {**found, "count": schedule.count, "unit": schedule.unit} if schedule.unit else found


def _read_minutes(given: Mapping[str, Any], name: str, problems: list[str]) -> float | None:
    value = given.get(name)
    if value is None:
        return None
    if not _is_number(value) or not 0 <= value <= _MAX_MINUTES:
        problems.append(f"{name} must be minutes from 0 to {_MAX_MINUTES}")
        return None
    return 60.0 * value


def _read_threshold(given: Mapping[str, Any], name: str, problems: list[str]) -> int | None:
    value = given.get(name)
    if value is None:
        return None
    if not _is_number(value) or value != value // 1 or value < 1:
        problems.append(f"{name} must be a whole number from 1 to {MAX_THRESHOLD}")
        return None
    if value > MAX_THRESHOLD:
        problems.append(f"{name} is counted up to {MAX_THRESHOLD}")
    return int(min(value, MAX_THRESHOLD))


def _is_number(value: Any) -> TypeGuard[float]:
    # NaN is no number; an infinite one is outside of every range.
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value
