"""Turns messages into rows: group, COPY, count; one transaction per batch, every figure exact under redelivery."""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

import psycopg2
from psycopg2 import DataError, IntegrityError
from psycopg2.errors import CheckViolation

from callwatch.db import ensure_partitions, with_transaction
from callwatch.db.archive_queries.archived_days import mark_unarchived
from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.copy import insert_new
from callwatch.db.error_queries.error_counts import count_by_hour
from callwatch.db.error_queries.error_groups import GroupKey, LockedGroup
from callwatch.db.error_queries.older_fingerprints import add_fingerprints
from callwatch.db.ingest_queries.ingest_counts import add_ingest_counts
from callwatch.db.queries.api_logs import insert_requests
from callwatch.db.usage_queries.model_calls import insert_model_calls
from callwatch.digest.access import store_access
from callwatch.digest.check_ins import store_check_ins
from callwatch.digest.external_alerts import store_external_alerts
from callwatch.digest.groups.assign import GroupsChanged, assign_groups, expect_groups, lock_expected
from callwatch.digest.groups.older import Adopted
from callwatch.digest.groups.updates import apply_occurrences
from callwatch.digest.ingest_reports import count_occurrences, store_refusals, store_reports
from callwatch.digest.message_parser import Batch, Occurrence, read
from callwatch.digest.payloads import StalePlaces, claim_places, place_payloads
from callwatch.digest.request_rows import Messages, read_model_calls, read_requests
from callwatch.digest.rows import COLUMNS, KEY, build_row, build_text_key
from callwatch.digest.source_maps import note_adopted, resolve_occurrences
from callwatch.exceptions import CallwatchError, DatabaseUnavailable
from callwatch.garbage import pause_garbage_collector
from callwatch.settings import get_settings

T = TypeVar("T")

# This many occurrences of one group in one hour keep their payload, then one of 256: counts stay exact, volume shrinks. Digests
# at once do not see what the others are about to count, so each may keep as many.
PAYLOADS_PER_HOUR = 200
_PLACEMENTS = 4


@dataclass(slots=True)
class Digested:
    """The result of a batch: poison is (message body, reason)."""

    errors: int = 0
    requests: int = 0
    duplicates: int = 0
    poison: list[tuple[str, str]] = field(default_factory=list)


def digest(bodies: Sequence[str], now: datetime) -> Digested:
    """Store a batch of queue messages. Messages that cannot be stored are left out and reported as poison.

    Raises DatabaseUnavailable and other temporary errors: the messages must then be delivered again, which does no harm.
    """
    return store(read(bodies, now), now)


def store(batch: Batch, now: datetime) -> Digested:
    """Store what was read from a batch of messages, as `digest` does."""
    result = Digested(poison=list(batch.poison))
    # Before any transaction: reading maps takes seconds, and no lock is held meanwhile.
    resolve_occurrences(batch.errors, now)
    errors, duplicates = _bisect(batch.errors, lambda rows: _store_errors(rows, now), lambda row: row.body, result.poison)
    requests, again = _bisect(batch.requests, lambda rows: _store_requests(rows, now), lambda row: row[0], result.poison)
    _bisect(batch.model_calls, lambda rows: _store_model_calls(rows, now), lambda row: row[0], result.poison)
    _bisect(batch.access, lambda rows: store_access(rows, now), lambda row: row[0], result.poison)
    _bisect(batch.ingest_report, lambda rows: store_reports(rows, now), lambda row: row[0], result.poison)
    _bisect(batch.refusals, lambda rows: store_refusals(rows, now), lambda row: row[0], result.poison)
    _bisect(batch.check_ins, lambda rows: store_check_ins(rows, now), lambda row: row[0], result.poison)
    _bisect(batch.external_alerts, lambda rows: store_external_alerts(rows, now), lambda row: row[0], result.poison)
    result.errors, result.requests, result.duplicates = errors, requests, duplicates + again
    return result


def _bisect(
    items: Sequence[T],
    store_all: Callable[[Sequence[T]], tuple[int, int]],
    build_body: Callable[[T], str],
    poison: list[tuple[str, str]],
) -> tuple[int, int]:
    """Store all in one transaction; if an item is refused, halve the batch until that item is alone.

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
            poison.append((build_body(items[0]), _describe_error(error)))
            return 0, 0
    middle = len(items) // 2
    first = _bisect(items[:middle], store_all, build_body, poison)
    second = _bisect(items[middle:], store_all, build_body, poison)
    return first[0] + second[0], first[1] + second[1]


def _is_poison(error: Exception) -> bool:
    """Whether a row is at fault, as opposed to the database or the moment.

    Rows that our own code cannot process are poison, too: they must not block the others, and they can be redriven from the
    dead letters after a fix.
    """
    if isinstance(error, psycopg2.Error):
        return isinstance(error, DataError | IntegrityError)
    return not isinstance(error, CallwatchError | OSError | MemoryError)


def _describe_error(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else ''}"[:300]


def _store_errors(errors: Sequence[Occurrence], now: datetime) -> tuple[int, int]:
    for _attempt in range(_PLACEMENTS):
        place_payloads(errors)
        try:
            return _commit_errors(errors, now)
        except StalePlaces:
            continue
    raise DatabaseUnavailable("payloads are stored elsewhere faster than here")


def _commit_errors(errors: Sequence[Occurrence], now: datetime) -> tuple[int, int]:
    try:
        return _commit_once(errors)
    except CheckViolation as error:
        # "no partition found" names no constraint: the day's partition is missing, and no row is at fault.
        if error.diag.constraint_name:
            raise
    with_transaction(lambda conn: ensure_partitions(conn, now))
    return _commit_once(errors)


def _commit_once(errors: Sequence[Occurrence]) -> tuple[int, int]:
    """Store with groups locked after the rows are written, or before it where that cannot be."""
    try:
        return with_transaction(lambda conn: _store(conn, errors, is_locked_late=True), is_idempotent=True)
    except GroupsChanged:
        return with_transaction(lambda conn: _store(conn, errors, is_locked_late=False), is_idempotent=True)


@pause_garbage_collector()
def _store(conn: AnyConnection, errors: Sequence[Occurrence], *, is_locked_late: bool) -> tuple[int, int]:
    """One transaction: groups, rows, counters. Returns how many were new, and how many were not.

    is_locked_late: batches that share a group wait for each other only while they count, and write their rows at once
    (docs/decisions/0160). Raises GroupsChanged if groups are not what they were when the rows were written.
    """
    by_key = {occurrence.key: occurrence for occurrence in errors}
    unique = [by_key[key] for key in sorted(by_key)]
    claim_places(conn, unique)
    expected: dict[GroupKey, int] = {}
    states: dict[int, LockedGroup] = {}
    adopted = Adopted()
    if is_locked_late:
        expected = expect_groups(conn, unique)
    else:
        states, adopted = assign_groups(conn, unique)
    _sample(conn, unique, states or set(expected.values()))
    new_keys = insert_new(conn, "error_logs", COLUMNS, KEY, map(build_row, unique))
    fresh = unique if new_keys is None else [o for o in unique if build_text_key(o) in new_keys]
    if len(fresh) < len(unique) and any(o.place and build_text_key(o) not in (new_keys or ()) for o in unique):
        # Its line would be in two objects.
        raise StalePlaces
    if fresh:
        if is_locked_late:
            states = lock_expected(conn, fresh, expected)
        apply_occurrences(conn, fresh, states, adopted.separated)
        add_ingest_counts(conn, count_occurrences(fresh))
    _add_further_fingerprints(conn, adopted, unique)
    mark_unarchived(conn, {occurrence.key[0] for occurrence in fresh if occurrence.place is None})
    return len(fresh), len(errors) - len(fresh)


def _add_further_fingerprints(conn: AnyConnection, adopted: Adopted, unique: Sequence[Occurrence]) -> None:
    """Record the fingerprints under which groups are found from now on; those of new groups exist by now."""
    if not adopted.groups and not adopted.aliases and not adopted.resolved:
        return
    by_key = {occurrence.group_key: occurrence.group_id for occurrence in unique}
    further = {old: by_key[new] for old, new in adopted.aliases.items() if new in by_key}
    add_fingerprints(conn, {**adopted.groups, **further, **adopted.resolved})
    note_adopted(conn, adopted.resolved, unique)


def _sample(conn: AnyConnection, unique: Sequence[Occurrence], known: Collection[int]) -> None:
    """Decide whose payload is kept, by how many occurrences the hour has already counted for the group."""
    hours = sorted({occurrence.hour for occurrence in unique})
    seen = Counter(count_by_hour(conn, sorted(known), hours))
    for occurrence in unique:
        counted = (occurrence.group_id, occurrence.hour)
        seen[counted] += 1
        is_chosen = seen[counted] <= PAYLOADS_PER_HOUR or occurrence.key[3].startswith("00")
        occurrence.has_payload = is_chosen or occurrence.place is not None


def _store_requests(messages: Messages, now: datetime) -> tuple[int, int]:
    rows = read_requests(messages, now)
    routes = get_settings().pii_routes or ()
    stored = with_transaction(lambda conn: insert_requests(conn, rows, routes), is_idempotent=True)
    return stored, len(rows) - stored


def _store_model_calls(messages: Messages, now: datetime) -> tuple[int, int]:
    rows = read_model_calls(messages, now)
    stored = with_transaction(lambda conn: insert_model_calls(conn, rows), is_idempotent=True)
    return stored, len(rows) - stored
