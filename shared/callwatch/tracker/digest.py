"""From messages to rows: group, COPY, count; one transaction a batch, every figure exact under redelivery."""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

import psycopg2
from psycopg2 import DataError, IntegrityError
from psycopg2.errors import CheckViolation

from callwatch.db import day_window, ensure_partitions, with_transaction
from callwatch.db.api_logs import insert_requests
from callwatch.db.connect import AnyConnection
from callwatch.db.copy import insert_new
from callwatch.db.error_counts import counts_of_hours
from callwatch.db.error_groups import find_groups, lock_groups
from callwatch.db.new_groups import reserve_ids
from callwatch.exceptions import CallwatchError, DatabaseUnavailable
from callwatch.tracker.read import Batch, Occurrence, read, time_of
from callwatch.tracker.tally import tally

T = TypeVar("T")

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


@dataclass(slots=True)
class Digested:
    """What became of a batch: poison is (message body, reason)."""

    errors: int = 0
    requests: int = 0
    duplicates: int = 0
    poison: list[tuple[str, str]] = field(default_factory=list)


def digest(bodies: Sequence[str], now: datetime) -> Digested:
    """Store a batch of queue messages. Messages that cannot be stored are left out and reported as poison.

    Raises DatabaseUnavailable and other passing errors: then the messages must come again, which does no harm.
    """
    return store(read(bodies, now), now)


def store(batch: Batch, now: datetime) -> Digested:
    """Store what was read from a batch of messages, as `digest`."""
    result = Digested(poison=list(batch.poison))
    errors, duplicates = _bisect(batch.errors, lambda rows: _store_errors(rows, now), lambda row: row.body, result.poison)
    requests, again = _bisect(batch.requests, lambda rows: _store_requests(rows, now), lambda row: row[0], result.poison)
    result.errors, result.requests, result.duplicates = errors, requests, duplicates + again
    return result


def _bisect(
    items: Sequence[T],
    store_all: Callable[[Sequence[T]], tuple[int, int]],
    body_of: Callable[[T], str],
    poison: list[tuple[str, str]],
) -> tuple[int, int]:
    """Store all in one transaction; where something in them is refused, halve until it stands alone.

    Returns how many rows were new and how many were not.
    """
    if not items:
        return 0, 0
    try:
        return store_all(items)
    except Exception as error:
        if not _is_poison(error):
            raise
        if len(items) == 1:
            poison.append((body_of(items[0]), _reason(error)))
            return 0, 0
    middle = len(items) // 2
    first = _bisect(items[:middle], store_all, body_of, poison)
    second = _bisect(items[middle:], store_all, body_of, poison)
    return first[0] + second[0], first[1] + second[1]


def _is_poison(error: Exception) -> bool:
    """Whether a row is to blame, as against the database or the moment. Rows that our own code cannot take are poison, too:
    they must not hold up the others, and come back from the dead letters when it was mended."""
    if isinstance(error, psycopg2.Error):
        return isinstance(error, DataError | IntegrityError)
    return not isinstance(error, CallwatchError | OSError | MemoryError)


def _reason(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else ''}"[:300]


def _store_errors(errors: Sequence[Occurrence], now: datetime) -> tuple[int, int]:
    try:
        return with_transaction(lambda conn: _store(conn, errors), is_idempotent=True)
    except CheckViolation as error:
        # "no partition found" names no constraint: the day's partition is missing, and no row is to blame.
        if error.diag.constraint_name:
            raise
    with_transaction(lambda conn: ensure_partitions(conn, now))
    return with_transaction(lambda conn: _store(conn, errors), is_idempotent=True)


def _store(conn: AnyConnection, errors: Sequence[Occurrence]) -> tuple[int, int]:
    """One transaction: groups, rows, counters. Returns how many were new, and how many were not."""
    by_key = {occurrence.key: occurrence for occurrence in errors}
    unique = [by_key[key] for key in sorted(by_key)]
    states = _assign_groups(conn, unique)
    _sample(conn, unique, states)
    new_keys = insert_new(conn, "error_logs", COLUMNS, KEY, map(_row, unique))
    fresh = unique if new_keys is None else [o for o in unique if _text_key(o) in new_keys]
    if fresh:
        tally(conn, fresh, states)
    return len(fresh), len(errors) - len(fresh)


def _assign_groups(conn: AnyConnection, unique: Sequence[Occurrence]) -> dict[int, dict[str, Any]]:
    """Give each occurrence its group, and lock the groups: two digests at once sample and count one after the other.

    Returns the states of the groups that are there; an occurrence of a new error gets the id that its group will have.
    """
    wanted = {_group_key(occurrence) for occurrence in unique}
    # A group that is being forgotten just now may be found and then gone: looked for anew, it is made anew.
    for _attempt in range(3):
        groups, unknown = find_groups(conn, wanted)
        states = lock_groups(conn, sorted(set(groups.values())))
        if len(states) == len(set(groups.values())):
            break
    else:
        raise DatabaseUnavailable("groups vanish faster than they are found")
    groups |= zip(unknown, reserve_ids(conn, len(unknown)), strict=True)
    for occurrence in unique:
        occurrence.group_id = groups[_group_key(occurrence)]
    return states


def _group_key(occurrence: Occurrence) -> tuple[int, str, str]:
    return occurrence.key[1], occurrence.key[2], occurrence.head["fingerprint"]


def _sample(conn: AnyConnection, unique: Sequence[Occurrence], known: Collection[int]) -> None:
    """Decide whose payload is kept, by what the hour of the occurrence has counted of its group so far."""
    hours = sorted({occurrence.hour for occurrence in unique})
    seen = Counter(counts_of_hours(conn, sorted(known), hours))
    for occurrence in unique:
        place = (occurrence.group_id, occurrence.hour)
        seen[place] += 1
        occurrence.has_payload = seen[place] <= PAYLOADS_PER_HOUR or occurrence.key[3].startswith("00")


def _row(occurrence: Occurrence) -> tuple[Any, ...]:
    head = occurrence.head
    return (
        *occurrence.key,
        occurrence.group_id,
        occurrence.occurred_at.isoformat(),
        occurrence.received_at.isoformat(),
        head["severity"],
        occurrence.category,
        head.get("type"),
        head["message"],
        head.get("endpoint"),
        head.get("release"),
        head.get("service"),
        head.get("user_hash"),
        occurrence.event_text if occurrence.has_payload else None,
    )


def _text_key(occurrence: Occurrence) -> tuple[str, ...]:
    day, project_id, environment, event_id = occurrence.key
    dashed = f"{event_id[:8]}-{event_id[8:12]}-{event_id[12:16]}-{event_id[16:20]}-{event_id[20:]}"
    return day.isoformat(), str(project_id), environment, dashed


def _store_requests(messages: Sequence[tuple[str, dict[str, Any]]], now: datetime) -> tuple[int, int]:
    first, _last = day_window(now)
    oldest = datetime.combine(first, datetime.min.time(), UTC)
    # None is later than its arrival: of a clock that runs ahead it would be among the latest for as long as that is ahead.
    rows = [
        {**request, "project_id": message["project_id"], "at": max(oldest, min(time_of(request["at"]), received_at))}
        for _body, message in messages
        for received_at in (time_of(message["received_at"]),)
        for request in message["requests"]
    ]
    stored = with_transaction(lambda conn: insert_requests(conn, rows), is_idempotent=True)
    return stored, len(rows) - stored
