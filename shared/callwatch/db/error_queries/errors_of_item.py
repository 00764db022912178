"""Errors whose context or tags may name an item: found by text within a span of days, and checked by the caller."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import TypedDict

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import fetch_all
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
# Characters that LIKE does not match literally.
_LIKE, _LITERALLY = re.compile(r"[\\%_]"), r"\\\g<0>"


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
