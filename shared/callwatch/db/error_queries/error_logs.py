"""Occurrences of errors: the latest of a group, and the latest critical ones."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypedDict

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import fetch_all, fetch_one
from callwatch.db.error_queries.error_counts import SCOPE, Scope
from callwatch.models.error import Category
from callwatch.models.shapes.stored import OccurrenceFields

_RECENT_CRITICAL = f"""
    SELECT occurred_at, message, category, payload->'context' AS context, payload_object IS NOT NULL AS is_elsewhere
    FROM callwatch.error_logs
    WHERE severity = 'critical' AND deleted_at IS NULL AND day >= %(day)s AND occurred_at >= %(since)s AND {SCOPE}
    ORDER BY occurred_at DESC LIMIT %(limit)s
"""
_COLUMNS = """replace(event_id::text, '-', '') AS event_id, occurred_at, received_at, severity, type, message, endpoint,
    release, service, payload::text AS payload,
    payload_object AS object_id, payload_start AS object_start, payload_bytes AS object_bytes,
    (SELECT name FROM callwatch.payload_objects AS holder WHERE holder.id = payload_object) AS object_name"""
# An index provides the latest of one id, not of several.
_OF_GROUP = f"""
    SELECT latest.* FROM unnest(%(ids)s::bigint[]) AS stored (id) CROSS JOIN LATERAL (
        SELECT {_COLUMNS} FROM callwatch.error_logs
        WHERE group_id = stored.id AND day >= %(day)s AND occurred_at >= %(since)s AND deleted_at IS NULL
        ORDER BY occurred_at DESC LIMIT %(limit)s
    ) AS latest ORDER BY occurred_at DESC, event_id LIMIT %(limit)s
"""
_ONE = f"""
    SELECT {_COLUMNS} FROM callwatch.error_logs
    WHERE group_id = ANY (%(ids)s) AND event_id = %(event_id)s AND day >= %(day)s AND deleted_at IS NULL LIMIT 1
"""
_NEIGHBOR = """
    SELECT near.event_id FROM unnest(%(ids)s::bigint[]) AS stored (id) CROSS JOIN LATERAL (
        SELECT replace(event_id::text, '-', '') AS event_id, occurred_at FROM callwatch.error_logs
        WHERE group_id = stored.id AND day >= %(day)s AND deleted_at IS NULL
          AND (occurred_at, event_id) {sign} (%(at)s, %(event_id)s::uuid)
        ORDER BY occurred_at {order}, error_logs.event_id {order} LIMIT 1
    ) AS near ORDER BY near.occurred_at {order}, near.event_id {order} LIMIT 1
"""


class _EventRow(TypedDict):
    event_id: str


class CriticalRow(TypedDict):
    """A critical error. context: as it was sent, scrubbed; None with is_elsewhere: it lies in the store of payloads."""

    occurred_at: datetime
    message: str
    category: Category
    context: dict[str, object] | None
    is_elsewhere: bool


class OccurrenceRow(OccurrenceFields):
    """An occurrence as it is stored. payload: JSON text; None if it was sampled out, or lies in an object.

    object_id, object_start, object_bytes: its place, if it lies in one. object_name: None if the object is forgotten.
    """

    payload: str | None
    object_id: int | None
    object_start: int | None
    object_bytes: int | None
    object_name: str | None


def list_recent_critical(conn: AnyConnection, since: datetime, scope: Scope, limit: int) -> list[CriticalRow]:
    """Critical errors, newest first."""
    return fetch_all(conn, _RECENT_CRITICAL, {**scope, "since": since, "day": since.date(), "limit": limit}, CriticalRow)


def list_occurrences(conn: AnyConnection, ids: Sequence[int], since: datetime, limit: int) -> list[OccurrenceRow]:
    """The latest occurrences that are stored under these ids, newest first."""
    given = {"ids": list(ids), "since": since, "day": since.date(), "limit": limit}
    return fetch_all(conn, _OF_GROUP, given, OccurrenceRow)


def find_occurrence(conn: AnyConnection, ids: Sequence[int], event_id: str, since: datetime) -> OccurrenceRow | None:
    """One occurrence that is stored under one of these ids."""
    return fetch_one(conn, _ONE, {"ids": list(ids), "event_id": event_id, "day": since.date()}, OccurrenceRow)


def find_neighbors(
    conn: AnyConnection, ids: Sequence[int], event_id: str, at: datetime, since: datetime
) -> tuple[str | None, str | None]:
    """The ids of the occurrence before this one, and of the one after it, by the time of occurrence."""
    given = {"ids": list(ids), "event_id": event_id, "at": at, "day": since.date()}
    before = fetch_one(conn, _NEIGHBOR.format(sign="<", order="DESC"), given, _EventRow)
    after = fetch_one(conn, _NEIGHBOR.format(sign=">", order="ASC"), given, _EventRow)
    return before["event_id"] if before else None, after["event_id"] if after else None
