"""Alerts as spans, and their timelines."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from psycopg2.extras import Json

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
_UPDATE = """
    UPDATE callwatch.alerts SET value = %(value)s, message = %(message)s, suppressed_by = %(suppressed_by)s
    WHERE id = %(id)s AND state = 'firing'
"""
_RESOLVE = """
    UPDATE callwatch.alerts SET state = 'resolved', resolved_at = %(now)s, suppressed_by = NULL
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


def update_alert(conn: AnyConnection, alert_id: int, value: float | None, message: str, suppressed_by: str | None) -> None:
    """Keep the present value of a firing alert."""
    execute(conn, _UPDATE, {"id": alert_id, "value": value, "message": message, "suppressed_by": suppressed_by})


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
    return list_alerts(conn, {**none, "state": "firing", "limit": 1000})
