"""Alerts as spans, and their timelines."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg2.extras import Json, execute_values

from callwatch.db.connect import AnyConnection
from callwatch.db.query import execute, fetch_all, fetch_one

_COLUMNS = """id, rule_id, title, level, state, message, value, threshold, service, labels, started_at, resolved_at,
    acknowledged_by, suppressed_by, runbook_url"""
# A second evaluator that meets the same firing instance finds the alert of the first.
_OPEN = """
    INSERT INTO callwatch.alerts (alert_key, rule_id, title, level, state, message, value, threshold, service, labels,
                                  started_at, suppressed_by, runbook_url)
    VALUES (%(alert_key)s, %(rule_id)s, %(title)s, %(level)s, 'firing', %(message)s, %(value)s, %(threshold)s,
            %(service)s, %(labels)s, %(started_at)s, %(suppressed_by)s, %(runbook_url)s)
    ON CONFLICT (alert_key) WHERE state = 'firing' DO UPDATE SET value = EXCLUDED.value
    RETURNING id
"""
# What an alert followed from stays known when that is over.
_UPDATE = """
    UPDATE callwatch.alerts AS mine SET value = given.value, message = given.message,
        suppressed_by = given.suppressed_by, cause_id = coalesce(given.cause_id, mine.cause_id)
    FROM (VALUES %s) AS given (id, value, message, suppressed_by, cause_id)
    WHERE mine.id = given.id AND mine.state = 'firing'
"""
_UPDATE_ROW = "(%s::bigint, %s::double precision, %s, %s::text, %s::bigint)"
_REOPEN = """
    UPDATE callwatch.alerts SET state = 'firing', resolved_at = NULL WHERE id = %s AND state = 'resolved'
"""
# An acknowledgement ends with the alert; who gave it and why stays in the timeline.
_RESOLVE = """
    UPDATE callwatch.alerts SET state = 'resolved', resolved_at = greatest(%(now)s, started_at), suppressed_by = NULL,
        acknowledged_by = NULL, acknowledged_at = NULL
    WHERE id = %(id)s AND state = 'firing'
"""
_ACKNOWLEDGE = """
    UPDATE callwatch.alerts SET acknowledged_by = %(actor)s, acknowledged_at = now()
    WHERE id = %(id)s AND state = 'firing'
"""
_LIST = f"""
    SELECT {_COLUMNS} FROM callwatch.alerts
    WHERE (%(state)s::text IS NULL OR state = %(state)s) AND (%(level)s::text IS NULL OR level = %(level)s)
      AND (%(rule_id)s::text IS NULL OR rule_id = %(rule_id)s)
      AND (%(since)s::timestamptz IS NULL OR started_at >= %(since)s)
      AND (%(until)s::timestamptz IS NULL OR started_at < %(until)s)
      AND (%(q)s::text IS NULL OR title ILIKE %(q)s OR message ILIKE %(q)s)
      AND (%(before_at)s::timestamptz IS NULL OR (started_at, id) < (%(before_at)s, %(before_id)s))
    ORDER BY started_at DESC, id DESC LIMIT %(limit)s
"""
_NOTE = "INSERT INTO callwatch.alert_timeline (alert_id, at, kind, actor, details) VALUES (%s, %s, %s, %s, %s)"


def open_alert(conn: AnyConnection, alert: Mapping[str, Any]) -> int:
    """The id of the alert that now fires under this key. The caller commits."""
    row = fetch_one(conn, _OPEN, {**alert, "labels": Json(dict(alert["labels"]))})
    assert row is not None
    return int(row["id"])


def update_alerts(conn: AnyConnection, rows: Sequence[tuple[int, float | None, str, str | None, int | None]]) -> None:
    """Keep the present id, value, message, suppressed_by and cause_id of firing alerts. The caller commits."""
    if rows:
        with conn.cursor() as cursor:
            execute_values(cursor, _UPDATE, sorted(rows, key=lambda row: row[0]), _UPDATE_ROW, page_size=1000)


def reopen_alert(conn: AnyConnection, alert_id: int) -> bool:
    """Whether it was resolved, and now fires again. The caller commits."""
    return execute(conn, _REOPEN, (alert_id,)) == 1


def resolve_alert(conn: AnyConnection, alert_id: int, now: datetime) -> bool:
    """Whether this call resolved it."""
    return execute(conn, _RESOLVE, {"id": alert_id, "now": now}) == 1


def acknowledge_alert(conn: AnyConnection, alert_id: int, actor: str) -> bool:
    """Whether it fires, and so could be acknowledged. The caller commits."""
    return execute(conn, _ACKNOWLEDGE, {"id": alert_id, "actor": actor}) == 1


def add_timeline(conn: AnyConnection, alert_id: int, at: datetime, kind: str, actor: str, details: str | None) -> None:
    """Keep what happened to an alert, by whom, and why."""
    execute(conn, _NOTE, (alert_id, at, kind, actor, details))


def list_alerts(conn: AnyConnection, filters: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Alerts, newest first; filters: state level rule_id since until q before_at before_id limit, None for any."""
    return fetch_all(conn, _LIST, filters)


def get_alert(conn: AnyConnection, alert_id: int) -> dict[str, Any] | None:
    """One alert."""
    return fetch_one(conn, f"SELECT {_COLUMNS} FROM callwatch.alerts WHERE id = %s", (alert_id,))


def alert_with_key(conn: AnyConnection, alert_key: str) -> int | None:
    """The id of the latest alert with this key."""
    row = fetch_one(conn, "SELECT max(id) AS id FROM callwatch.alerts WHERE alert_key = %s", (alert_key,))
    return row["id"] if row else None


def timeline_of(conn: AnyConnection, alert_id: int) -> list[dict[str, Any]]:
    """What happened to an alert, oldest first: at, kind, actor, details."""
    return fetch_all(
        conn,
        "SELECT at, kind, actor, details FROM callwatch.alert_timeline WHERE alert_id = %s ORDER BY at, id",
        (alert_id,),
    )


def firing_alerts(conn: AnyConnection) -> list[dict[str, Any]]:
    """All alerts that fire, newest first."""
    none = dict.fromkeys(("level", "rule_id", "since", "until", "q", "before_at", "before_id"))
    return list_alerts(conn, {**none, "state": "firing", "limit": None})


def firing_rows(conn: AnyConnection) -> list[dict[str, Any]]:
    """All firing alerts as they are stored, with their alert_key."""
    return fetch_all(conn, f"SELECT alert_key, {_COLUMNS} FROM callwatch.alerts WHERE state = 'firing' ORDER BY id")


def alerts_begun_between(conn: AnyConnection, since: datetime, until: datetime, limit: int) -> list[dict[str, Any]]:
    """Alerts that began then and follow from no other, newest first: alert_key, rule_id, title, level, labels, started_at."""
    return fetch_all(
        conn,
        "SELECT alert_key, rule_id, title, level, labels, started_at FROM callwatch.alerts"
        " WHERE started_at >= %s AND started_at <= %s AND suppressed_by IS NULL ORDER BY started_at DESC, id DESC LIMIT %s",
        (since, until, limit),
    )


def followers_of(conn: AnyConnection, alert_id: int) -> list[dict[str, Any]]:
    """Alerts that followed from this one, newest first: id, rule_id, title, state, labels."""
    return fetch_all(
        conn,
        "SELECT id, rule_id, title, state, labels FROM callwatch.alerts WHERE cause_id = %s ORDER BY id DESC LIMIT 100",
        (alert_id,),
    )
