"""Silences: statements that mute alerts for a time, among them maintenance."""

from datetime import datetime

from psycopg2.extras import Json

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import execute, fetch_all, fetch_one
from callwatch.models.shapes.stored import Recurs, SilenceFields, StoredMatchers

_SILENCES = """
    SELECT id, matchers, reason, actor, created_at, starts_at, ends_at, recurs, is_maintenance FROM callwatch.silences
    WHERE ended_at IS NULL AND ends_at > %(now)s AND (%(before)s::bigint IS NULL OR id < %(before)s)
        AND (%(rule_id)s::text IS NULL OR matchers ->> 'rule_id' = %(rule_id)s)
        AND (%(words)s::text IS NULL OR strpos(lower(reason || ' ' || matchers::text), lower(%(words)s)) > 0)
    ORDER BY id DESC LIMIT %(limit)s
"""
_IN_FORCE = """
    SELECT id, matchers, reason, actor, created_at, starts_at, ends_at, recurs, is_maintenance FROM callwatch.silences
    WHERE ended_at IS NULL AND starts_at <= %(now)s AND ends_at > %(now)s ORDER BY id DESC
"""
_ADD_SILENCE = """
    INSERT INTO callwatch.silences (matchers, reason, actor, starts_at, ends_at, recurs, is_maintenance)
    VALUES (%s, %s, %s, %s, %s, %s, %s)
    RETURNING id, matchers, reason, actor, created_at, starts_at, ends_at, recurs, is_maintenance
"""
# One that a person ended early lasted until then.
_MAINTENANCE = """
    SELECT id, matchers, reason, actor, created_at, starts_at, least(ends_at, coalesce(ended_at, ends_at)) AS ends_at, recurs,
        is_maintenance
    FROM callwatch.silences
    WHERE is_maintenance AND starts_at <= %(until)s AND ends_at > %(since)s AND (ended_at IS NULL OR ended_at > %(since)s)
    ORDER BY id
"""


class SilenceRow(SilenceFields):
    """A silence as it is stored."""

    id: int
    matchers: StoredMatchers


def list_silences_in_force(conn: AnyConnection, now: datetime) -> list[SilenceRow]:
    """All silences between their start and their end, newest first; one that recurs may not mute now."""
    return fetch_all(conn, _IN_FORCE, {"now": now}, SilenceRow)


def list_silences(
    conn: AnyConnection,
    now: datetime,
    limit: int,
    before: int | None = None,
    rule_id: str | None = None,
    words: str | None = None,
) -> list[SilenceRow]:
    """A page of silences that have not ended, newest first.

    before: only those with a smaller id; rule_id: only those of this rule; words: text that they contain, case-insensitive.
    """
    given = {"now": now, "limit": limit, "before": before, "rule_id": rule_id, "words": words}
    return fetch_all(conn, _SILENCES, given, SilenceRow)


def add_silence(
    conn: AnyConnection,
    matchers: StoredMatchers,
    reason: str,
    actor: str,
    starts_at: datetime,
    ends_at: datetime,
    recurs: Recurs | None = None,
    is_maintenance: bool = False,
) -> SilenceRow:
    """A new silence, as list_silences shows it. The caller commits."""
    window = None if recurs is None else Json(dict(recurs))
    given = (Json(dict(matchers)), reason, actor, starts_at, ends_at, window, is_maintenance)
    row = fetch_one(conn, _ADD_SILENCE, given, SilenceRow)
    assert row is not None
    return row


def list_maintenance_between(conn: AnyConnection, since: datetime, until: datetime) -> list[SilenceRow]:
    """The maintenance of a span, also what has ended since; at one moment if both are equal."""
    return fetch_all(conn, _MAINTENANCE, {"since": since, "until": until}, SilenceRow)


def end_silence(conn: AnyConnection, silence_id: int, actor: str) -> bool:
    """End a silence now; False if there is none that is active. The caller commits."""
    statement = (
        "UPDATE callwatch.silences SET ended_at = now(), ended_by = %s WHERE id = %s AND ended_at IS NULL AND ends_at > now()"
    )
    return execute(conn, statement, (actor, silence_id)) == 1
