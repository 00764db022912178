"""Errors whose context or tags may name an item: found by text within a span of days, and checked by the caller."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import TypedDict

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import fetch_all, fetch_one
from callwatch.models.error import Category, Severity

# The text of a payload is searched before it is parsed, which costs several times as much.
_FIND = """
    SELECT group_id::text AS group_id, replace(event_id::text, '-', '') AS event_id, occurred_at, type, severity, category,
           json_build_object('tags', payload -> 'tags', 'context', payload -> 'context')::text AS named
    FROM callwatch.error_logs
    WHERE day >= %(since)s::date AND day <= %(until)s::date AND occurred_at >= %(since)s AND occurred_at <= %(until)s
      AND payload::text LIKE ANY (%(patterns)s)
    ORDER BY occurred_at DESC LIMIT %(limit)s
"""
# Days of which the payloads of some occurrences lie in objects, where nothing is searched.
_ELSEWHERE = (
    "SELECT EXISTS (SELECT FROM callwatch.payload_objects WHERE day BETWEEN %(since)s::date AND %(until)s::date) AS is_so"
)
# Characters that LIKE does not match literally.
_LIKE, _LITERALLY = re.compile(r"[\\%_]"), r"\\\g<0>"


class _ElsewhereRow(TypedDict):
    is_so: bool


class NamedErrorRow(TypedDict):
    """An occurrence. named: its tags and its context as JSON text."""

    group_id: str
    event_id: str
    occurred_at: datetime
    type: str | None
    severity: Severity
    category: Category
    named: str


def find_errors_with(
    conn: AnyConnection, texts: Sequence[str], since: datetime, until: datetime, limit: int
) -> list[NamedErrorRow]:
    """Occurrences of a span that contain one of some texts anywhere, newest first."""
    patterns = [f"%{_LIKE.sub(_LITERALLY, text)}%" for text in texts]
    return fetch_all(conn, _FIND, {"patterns": patterns, "since": since, "until": until, "limit": limit}, NamedErrorRow)


def has_payloads_elsewhere(conn: AnyConnection, since: datetime, until: datetime) -> bool:
    """Whether payloads of these days lie outside of the database, so that `find_errors_with` does not see them."""
    row = fetch_one(conn, _ELSEWHERE, {"since": since, "until": until}, _ElsewhereRow)
    return row is not None and row["is_so"]
