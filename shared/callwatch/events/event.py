"""The one shape of an error on its way to the queue, and the message that carries it."""

import json
import os
from datetime import datetime, timedelta
from typing import Any

from callwatch.events.event_summary import MAX_SUMMARY_BYTES, MESSAGE_LIMIT, summarize_event
from callwatch.events.trim import cut_text, cut_within, drop_seams, is_surely_below, measure_size, trim
from callwatch.events.work_limit import WorkBudget, WorkLimitReached
from callwatch.grouping.classify import classify_event
from callwatch.models.ingest_outcome import TRACKER_SDK
from callwatch.scrubbing.sanitize import replace_surrogates, sanitize
from callwatch.scrubbing.scrubber import scrub_event
from callwatch.settings import load_tracker_settings
from callwatch.sqs import MESSAGE_BYTES
from callwatch.times import to_utc

VERSION = 1
EMPTY: dict[str, Any] = dict.fromkeys(
    [
        "event_id",
        "occurred_at",
        "type",
        "message",
        "level",
        "severity",
        "category",
        "environment",
        "release",
        "dist",
        "endpoint",
        "service",
        "logger",
        "platform",
        "user_hash",
        "fingerprint",
        "stack",
        "frames",
        "exceptions",
        "logentry",
        "breadcrumbs",
        "tags",
        "context",
        "request",
        "modules",
        "debug_meta",
        "sdk",
    ]
)
# In addition to the event, its message holds its summary, project, environment and time of arrival.
_MAX_BYTES = MESSAGE_BYTES - MAX_SUMMARY_BYTES - 1_024
# What is left of an event that takes too long to scrub as a whole.
SMALL_BYTES = 32 * 1024
_LINE = 300
_OWN_FIELDS = ("event_id", "occurred_at", "level", "severity", "category", "user_hash")
# An event is stored under the day of its own time, which must have a partition.
OLDEST = timedelta(days=6)
NEWEST = timedelta(days=1)


def finish_event(given: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Complete, sanitize, scrub and trim an event; the result holds nothing private."""
    return _clean(_complete(given, now), _MAX_BYTES)


def finish_foreign_event(given: dict[str, Any], now: datetime, budget: WorkBudget) -> dict[str, Any]:
    """The same for an event from outside, in bounded time: never raises for an event that takes too long.

    An event that exceeds the budget is cut: to SMALL_BYTES by the rule of `trim`, then to its identity alone. `trimmed` marks
    this with "cpu_limit".
    """
    event: dict[str, Any] | None = None
    for max_bytes, share in ((_MAX_BYTES, 0.8), (SMALL_BYTES, 1.0)):
        try:
            with budget.spend(share):
                event = event or _complete(given, now)
                return _clean(event, max_bytes)
        except WorkLimitReached:
            if event:
                event["trimmed"] = ["cpu_limit"]
    try:
        with budget.spend_on_stub():
            return _clean(_complete(_extract_identity(given), now), SMALL_BYTES)
    except WorkLimitReached:
        return _complete(_build_bare(given), now) | {"scrubbed": []}


def _build_bare(given: dict[str, Any]) -> dict[str, Any]:
    """What needs no scrubbing: that an event happened, when, and how severe it is."""
    known = {name: given[name] for name in _OWN_FIELDS if given.get(name)}
    return {**known, "message": "an event that could not be read in time", "trimmed": ["cpu_limit"]}


def _extract_identity(given: dict[str, Any]) -> dict[str, Any]:
    """The part of an event that can be kept without work on any text: no text is longer than a line."""
    names = ("type", "environment", "release")
    texts = {name: cut_text(given[name], _LINE) for name in names if isinstance(given.get(name), str)}
    return {**_build_bare(given), **texts, "message": cut_text(str(given.get("message") or ""), _LINE)}


def _complete(given: dict[str, Any], now: datetime) -> dict[str, Any]:
    """An event with every field, each of the right kind, and without anything that PostgreSQL refuses."""
    event = {**EMPTY, **{key: value for key, value in given.items() if value is not None}}
    event["event_id"] = event["event_id"] or os.urandom(16).hex()
    when = clamp(event["occurred_at"], now)
    is_moved = isinstance(event["occurred_at"], datetime) and when != to_utc(event["occurred_at"])
    event["occurred_at"] = when.isoformat()
    event["message"] = str(event["message"] or event["type"] or "(no message)")
    if not event["severity"] or not event["category"]:
        severity, category = classify_event(event)
        event["severity"] = event["severity"] or severity.value
        event["category"] = event["category"] or category.value
    # What a sender reports without a level is an error, as in Sentry's protocol.
    event["level"] = event["level"] or "error"
    event["environment"] = event["environment"] or "production"
    sanitized, kinds = sanitize(event)
    event = dict(sanitized)
    event["sanitized"] = sorted({*kinds, *given.get("sanitized", []), *["time"] * is_moved})
    event["trimmed"] = list(given.get("trimmed") or [])
    return _limit_message(event)


def _limit_message(event: dict[str, Any]) -> dict[str, Any]:
    """The event with a message that its column holds."""
    if len(event["message"]) <= MESSAGE_LIMIT:
        return event
    trimmed = list(dict.fromkeys([*event["trimmed"], "message"]))
    return {**event, "message": cut_within(event["message"], MESSAGE_LIMIT), "trimmed": trimmed}


def _clean(event: dict[str, Any], max_bytes: int) -> dict[str, Any]:
    """The scrubbed event, in at most `max_bytes`."""
    size = 0 if is_surely_below(event, max_bytes // 4) else measure_size(event)
    # Before the scrubbing, whose time grows with the size.
    event = scrub_event(trim(event, max_bytes) if size > max_bytes else event)
    if event["trimmed"]:
        event = drop_seams(event)
    # A mark may be longer than what it replaces, but never four times as long as a field with its name.
    return _limit_message(trim(event, max_bytes) if size > max_bytes // 4 else event)


def build_error_message(
    event: dict[str, Any], project_id: int, now: datetime, sdk: str = TRACKER_SDK, budget: WorkBudget | None = None
) -> str:
    """The queue message that carries one finished event, after a summary with all that the digest needs of it.

    sdk: what sent the event, as `callwatch.models.ingest_outcome` names it. budget: of an event from outside; if its group takes
    too long to compute, the message carries what can be kept without work, marked as `finish_foreign_event` marks it.

    If SCRUB is strict for the project, the event is first reduced to the listed fields.
    """
    event, summary = _summarize_in_time(event, project_id, sdk, budget) if budget else _summarize(event, project_id, sdk)
    message = {
        "v": VERSION,
        "kind": "error",
        "project_id": project_id,
        "environment": event["environment"],
        "received_at": now.isoformat(),
        # Readers of the first grouping version look for "head", and group the event themselves without it.
        "summary": summary,
        # Last, so that a reader of the summary can stop before it.
        "event": event,
    }
    return replace_surrogates(json.dumps(message, ensure_ascii=False, separators=(",", ":"), allow_nan=False))


_Summarized = tuple[dict[str, Any], dict[str, Any] | None]


def _summarize_in_time(event: dict[str, Any], project_id: int, sdk: str, budget: WorkBudget) -> _Summarized:
    try:
        with budget.spend_on_group():
            return _summarize(event, project_id, sdk)
    except WorkLimitReached:
        pass
    trimmed = list(dict.fromkeys([*event["trimmed"], "cpu_limit"]))
    marks = {"trimmed": trimmed, "scrubbed": event["scrubbed"], "sanitized": event["sanitized"]}
    try:
        with budget.spend_on_stub():
            return _summarize({**EMPTY, **_extract_identity(event), **marks}, project_id, sdk)
    except WorkLimitReached:
        bare = {**EMPTY, **_build_bare(event), "environment": cut_text(event["environment"], _LINE)}
        return _summarize({**bare, **marks}, project_id, sdk)


def _summarize(event: dict[str, Any], project_id: int, sdk: str) -> _Summarized:
    """The event as it is kept, and its summary."""
    settings, is_cut = load_tracker_settings(), bool(event.get("trimmed"))
    if settings.scrub.is_strict(project_id):
        # Imported where it is used: few projects are strict.
        from callwatch.scrubbing.strict import reduce_event

        event = reduce_event(event, settings.user_hash_key or "")
    try:
        return event, {**summarize_event(event), "sdk": sdk, **({"cut": True} if is_cut else {})}
    except Exception:
        # An event that cannot be grouped is accepted all the same; the digest finds out and records the reason.
        return event, None


def clamp(occurred_at: Any, now: datetime) -> datetime:
    """The event's own time in UTC, limited to the window that has partitions; now if it has none."""
    if not isinstance(occurred_at, datetime):
        return now
    return max(now - OLDEST, min(to_utc(occurred_at), now + NEWEST))
