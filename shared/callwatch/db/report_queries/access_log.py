"""Records of access to personal data: stored once each, listed for auditors, deleted after their own retention."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypedDict

from psycopg2 import sql
from psycopg2.extras import execute_values

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import execute, fetch_all
from callwatch.models.shapes.reporting.access import AccessFields

_INSERT = """
    INSERT INTO callwatch.access_log
        (record_id, project_id, at, received_at, actor, subject_kind, subject, route, request_id)
    VALUES %s ON CONFLICT (record_id) DO NOTHING RETURNING replace(record_id::text, '-', '') AS record_id
"""
_ROW = """(%(record_id)s::uuid, %(project_id)s, %(at)s, %(received_at)s, %(actor)s, %(subject_kind)s, %(subject)s, %(route)s,
    %(request_id)s)"""
_KNOWN = """
    SELECT DISTINCT project_id, request_id, route FROM callwatch.access_log WHERE request_id = ANY (%s)
"""
# The statement holds only the given filters, so that the planner finds their index.
_FILTERS = {
    "subject": "subject = %(subject)s",
    "actor": "actor = %(actor)s",
    "since": "at >= %(since)s",
    "until": "at < %(until)s",
    "before_id": "(at, id) < (%(before_at)s, %(before_id)s)",
}
# One part per cycle, so that no cycle is held up by it.
_DELETE = """
    DELETE FROM callwatch.access_log WHERE id IN (SELECT id FROM callwatch.access_log WHERE at < %s ORDER BY at LIMIT 20000)
"""


class NewRecord(AccessFields):
    """A record to store. record_id: 32 hex digits."""

    record_id: str


class AccessRow(AccessFields):
    """A record as it is stored."""

    id: int


class AccessFilters(TypedDict):
    """Filters of a list of records; None means any. subject, actor: HMACs."""

    subject: str | None
    actor: str | None
    since: datetime | None
    until: datetime | None
    before_at: datetime | None
    before_id: int | None


class LoggedRequest(TypedDict):
    """A request that has a record."""

    project_id: int
    request_id: str
    route: str


def insert_records(conn: AnyConnection, records: Sequence[NewRecord]) -> set[str]:
    """Store records, each once; returns the ids of the new ones. The caller commits."""
    if not records:
        return set()
    with conn.cursor() as cursor:
        ordered = sorted(records, key=lambda record: record["record_id"])
        return {row[0] for row in execute_values(cursor, _INSERT, ordered, _ROW, page_size=1000, fetch=True)}


def find_logged_requests(conn: AnyConnection, request_ids: Sequence[str]) -> list[LoggedRequest]:
    """Those of some requests that have a record."""
    return fetch_all(conn, _KNOWN, (list(request_ids),), LoggedRequest) if request_ids else []


def list_records(conn: AnyConnection, filters: AccessFilters, limit: int) -> list[AccessRow]:
    """Records, newest first."""
    given = {name: value for name, value in filters.items() if value is not None}
    where = [sql.SQL(text) for name, text in _FILTERS.items() if name in given] or [sql.SQL("true")]
    statement = sql.SQL(
        "SELECT id, at, received_at, project_id, actor, subject_kind, subject, route, request_id"
        " FROM callwatch.access_log WHERE {} ORDER BY at DESC, id DESC LIMIT %(limit)s"
    ).format(sql.SQL(" AND ").join(where))
    return fetch_all(conn, statement.as_string(conn), {**given, "limit": limit}, AccessRow)


def delete_records_before(conn: AnyConnection, before: datetime) -> int:
    """Delete a part of the older records; returns how many. The caller commits."""
    return execute(conn, _DELETE, (before,))
