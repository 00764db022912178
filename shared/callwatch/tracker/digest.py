"""From messages to rows: parse, group, COPY, count; one transaction a batch, every figure exact under redelivery."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from psycopg2 import DataError, IntegrityError

from callwatch.db import CommitOutcomeUnknown, day_window, with_transaction
from callwatch.db.api_logs import insert_requests
from callwatch.db.connect import AnyConnection
from callwatch.db.copy import insert_new
from callwatch.db.error_counts import add_counts, counts_this_hour
from callwatch.db.error_groups import add_history, add_users, find_or_make_groups, lock_groups, touch_groups
from callwatch.tracker.group import fingerprint_of, title_of
from callwatch.tracker.release import is_regression

COLUMNS = [
    "day",
    "project_id",
    "environment",
    "event_id",
    "group_id",
    "occurred_at",
    "received_at",
    "severity",
    "category",
    "type",
    "message",
    "endpoint",
    "release",
    "service",
    "user_hash",
    "payload",
]
KEY = ("day", "project_id", "environment", "event_id")
# Of one group in one hour so many occurrences keep their payload, then one of 256: counts stay, bulk goes.
PAYLOADS_PER_HOUR = 200
_MESSAGE_KEPT = 8_000
# How callwatch.tracker.event writes a message: the event comes last, and no field before it can hold this text.
_EVENT_MARK = ',"event":'
_SEVERITIES = frozenset({"low", "medium", "high", "critical"})


class PoisonMessage(Exception):
    """A message that no retry can digest; the text is its reason."""


@dataclass(slots=True)
class Occurrence:
    """One error as it will be stored."""

    key: tuple[date, int, str, str]
    fingerprint: str
    occurred_at: datetime
    received_at: datetime
    event: dict[str, Any]
    body: str
    group_id: int = 0

    @property
    def hour(self) -> datetime:
        """The hour under which it is counted."""
        return self.occurred_at.replace(minute=0, second=0, microsecond=0)


@dataclass(slots=True)
class Digested:
    """What became of a batch: poison is (message body, reason)."""

    errors: int = 0
    requests: int = 0
    duplicates: int = 0
    poison: list[tuple[str, str]] = field(default_factory=list)


def digest(bodies: Sequence[str], now: datetime) -> Digested:
    """Store a batch of queue messages. Messages that cannot be stored are left out and reported as poison.

    Raises DatabaseUnavailable and other retryable errors: then nothing of the batch was stored.
    """
    result = Digested()
    errors: list[Occurrence] = []
    requests: list[tuple[str, dict[str, Any]]] = []
    for body in bodies:
        try:
            message = _read(body)
            if message["kind"] == "error":
                errors.append(_occurrence(message, body, now))
            else:
                requests.append((body, message))
        except PoisonMessage as poison:
            result.poison.append((body, str(poison)))
    _store_bisecting(errors, result)
    for body, message in requests:
        _store_requests(body, message, now, result)
    return result


def _read(body: str) -> dict[str, Any]:
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        raise PoisonMessage("not JSON") from None
    if not isinstance(message, dict) or message.get("v") != 1:
        version = message.get("v") if isinstance(message, dict) else None
        raise PoisonMessage(f"unknown message version {version!r}"[:200])
    if message.get("kind") not in ("error", "requests"):
        raise PoisonMessage(f"unknown kind {message.get('kind')!r}"[:200])
    if not isinstance(message.get("project_id"), int):
        raise PoisonMessage("project_id is missing or no integer")
    return message


def _occurrence(message: dict[str, Any], body: str, now: datetime) -> Occurrence:
    event = message.get("event")
    if not isinstance(event, dict):
        raise PoisonMessage("event is missing")
    try:
        occurred_at = _time(event["occurred_at"])
        received_at = _time(message["received_at"])
        event_id = str(event["event_id"])
        if len(event_id) != 32 or int(event_id, 16) < 0:
            raise ValueError("event_id takes 32 hex digits")
        if event["severity"] not in _SEVERITIES or not isinstance(event["message"], str):
            raise ValueError("severity or message is not valid")
        environment = str(message.get("environment") or event["environment"])[:100]
        first, last = day_window(now)
        day = max(first, min(occurred_at.date(), last))
        fingerprint = fingerprint_of(event)
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise PoisonMessage(f"{type(error).__name__}: {error}"[:300]) from None
    key = (day, message["project_id"], environment, event_id)
    return Occurrence(key, fingerprint, occurred_at, received_at, event, body)


def _time(text: Any) -> datetime:
    when = datetime.fromisoformat(str(text))
    if when.tzinfo is None:
        raise ValueError("a time without its zone")
    return when.astimezone(UTC)


def _store_bisecting(errors: list[Occurrence], result: Digested) -> None:
    """Store a batch; where PostgreSQL refuses a value in it, halve until the one row stands alone."""
    if not errors:
        return
    try:
        stored, duplicates = with_transaction(lambda conn: _store(conn, errors), is_idempotent=True)
    except CommitOutcomeUnknown:
        raise
    except (DataError, IntegrityError, ValueError) as error:
        # ValueError: psycopg2 itself refuses NUL and lone surrogates, before PostgreSQL sees them.
        if len(errors) == 1:
            result.poison.append((errors[0].body, str(error).strip().splitlines()[0][:300]))
            return
        middle = len(errors) // 2
        _store_bisecting(errors[:middle], result)
        _store_bisecting(errors[middle:], result)
        return
    result.errors += stored
    result.duplicates += duplicates


def _store(conn: AnyConnection, errors: Sequence[Occurrence]) -> tuple[int, int]:
    """One transaction: groups, rows, counters. Returns how many were new, and how many were not."""
    by_key = {occurrence.key: occurrence for occurrence in errors}
    unique = [by_key[key] for key in sorted(by_key)]
    groups = find_or_make_groups(conn, {_group_key(o): _group_fields(o) for o in reversed(unique)})
    for occurrence in unique:
        occurrence.group_id = groups[_group_key(occurrence)]
    # Locked before the counters are read: two digests at once sample and count one after the other.
    states = lock_groups(conn, sorted(set(groups.values())))
    new_keys = insert_new(conn, "error_logs", COLUMNS, KEY, _rows(conn, unique))
    fresh = unique if new_keys is None else [o for o in unique if _text_key(o) in new_keys]
    if fresh:
        _count(conn, fresh, states)
    return len(fresh), len(errors) - len(fresh)


def _group_key(occurrence: Occurrence) -> tuple[int, str, str]:
    return occurrence.key[1], occurrence.key[2], occurrence.fingerprint


def _group_fields(occurrence: Occurrence) -> dict[str, Any]:
    event = occurrence.event
    return {
        "title": title_of(event),
        "type": _short(event.get("type"), 300),
        "message": event["message"][:2000],
        "severity": event["severity"],
        "category": _short(event.get("category"), 50) or "unknown",
        "endpoint": _short(event.get("endpoint"), 300),
        "release": _short(event.get("release"), 200),
        "at": occurrence.occurred_at,
    }


def _rows(conn: AnyConnection, occurrences: Sequence[Occurrence]) -> list[tuple[Any, ...]]:
    seen = Counter[int]()
    this_hour = max(occurrence.hour for occurrence in occurrences)
    seen.update(counts_this_hour(conn, sorted({o.group_id for o in occurrences}), this_hour))
    rows = []
    for occurrence in occurrences:
        event = occurrence.event
        seen[occurrence.group_id] += 1
        is_kept = seen[occurrence.group_id] <= PAYLOADS_PER_HOUR or occurrence.key[3].startswith("00")
        rows.append(
            (
                *occurrence.key,
                occurrence.group_id,
                occurrence.occurred_at.isoformat(),
                occurrence.received_at.isoformat(),
                event["severity"],
                _short(event.get("category"), 50) or "unknown",
                _short(event.get("type"), 300),
                event["message"][:_MESSAGE_KEPT],
                _short(event.get("endpoint"), 300),
                _short(event.get("release"), 200),
                _short(event.get("service"), 200),
                _short(event.get("user_hash"), 64),
                _event_text(occurrence) if is_kept else None,
            )
        )
    return rows


def _event_text(occurrence: Occurrence) -> str:
    """The event as it stands in its message, which ends with it: writing it out anew would cost as much as reading it."""
    marker = occurrence.body.find(_EVENT_MARK)
    if marker >= 0 and occurrence.body.endswith("}}"):
        return occurrence.body[marker + len(_EVENT_MARK) : -1]
    return json.dumps(occurrence.event, ensure_ascii=False, separators=(",", ":"))


def _text_key(occurrence: Occurrence) -> tuple[str, ...]:
    day, project_id, environment, event_id = occurrence.key
    dashed = f"{event_id[:8]}-{event_id[8:12]}-{event_id[12:16]}-{event_id[16:20]}-{event_id[20:]}".lower()
    return day.isoformat(), str(project_id), environment, dashed


def _count(conn: AnyConnection, fresh: Sequence[Occurrence], states: dict[int, dict[str, Any]]) -> None:
    hourly, by_minute, by_group = Counter[tuple[Any, ...]](), Counter[tuple[Any, ...]](), Counter[tuple[Any, ...]]()
    endpoints: dict[tuple[Any, ...], list[Any]] = {}
    touched: dict[int, list[Occurrence]] = {}
    for o in fresh:
        _day, project_id, environment, _event_id = o.key
        kind = (project_id, environment, o.event["severity"], _short(o.event.get("category"), 50) or "unknown")
        hourly[(o.hour, *kind)] += 1
        by_minute[(o.occurred_at.replace(second=0, microsecond=0), *kind)] += 1
        by_group[(o.hour, project_id, environment, o.group_id)] += 1
        touched.setdefault(o.group_id, []).append(o)
        endpoint = _short(o.event.get("endpoint"), 300)
        if endpoint:
            entry = endpoints.setdefault((o.hour, project_id, environment, endpoint), [0, o.occurred_at, ""])
            entry[0] += 1
            if o.occurred_at >= entry[1]:
                entry[1], entry[2] = o.occurred_at, o.event["message"][:500]
    users = add_users(conn, [(o.group_id, o.event["user_hash"][:64]) for o in fresh if o.event.get("user_hash")])
    rows = []
    for group_id, occurrences in touched.items():
        latest = max(occurrences, key=lambda o: o.occurred_at)
        regressed = [o for o in occurrences if is_regression(states[group_id], o.occurred_at, o.event.get("release"))]
        first_at = min(o.occurred_at for o in occurrences)
        release = _short(latest.event.get("release"), 200)
        rows.append((group_id, len(occurrences), users.get(group_id, 0), first_at, latest.occurred_at, release, bool(regressed)))
        if regressed:
            add_history(conn, group_id, "callwatch", "regressed", f"came back in {release}" if release else "came back")
    touch_groups(conn, rows)
    add_counts(
        conn,
        [(*key, count) for key, count in hourly.items()],
        [(*key, count) for key, count in by_minute.items()],
        [(*key, count) for key, count in by_group.items()],
        [(*key, *entry) for key, entry in endpoints.items()],
    )


def _store_requests(body: str, message: dict[str, Any], now: datetime, result: Digested) -> None:
    first, last = day_window(now)
    oldest = datetime.combine(first, datetime.min.time(), UTC)
    newest = datetime.combine(last + timedelta(days=1), datetime.min.time(), UTC) - timedelta(microseconds=1)
    try:
        rows = [
            {**request, "project_id": message["project_id"], "at": max(oldest, min(_time(request["at"]), newest))}
            for request in message["requests"]
        ]
        stored = with_transaction(lambda conn: insert_requests(conn, rows), is_idempotent=True)
    except (DataError, IntegrityError, KeyError, ValueError, TypeError) as error:
        result.poison.append((body, f"{type(error).__name__}: {str(error).strip().splitlines()[0][:200]}"))
        return
    result.requests += stored
    result.duplicates += len(rows) - stored


def _short(value: Any, limit: int) -> str | None:
    return None if value is None else str(value)[:limit]
