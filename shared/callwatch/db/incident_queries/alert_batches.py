"""Acknowledges, releases and ends many alerts at once, each with an entry in its timeline."""

from collections.abc import Sequence
from datetime import datetime

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import execute, fetch_all

# With the states of the rules, which hold whether an alert reminds; only those that nobody acknowledged.
_ACKNOWLEDGE_ALL = """
    WITH found AS (
        UPDATE callwatch.alerts SET acknowledged_by = %(actor)s, acknowledged_at = now()
        WHERE id = ANY (%(ids)s) AND state = 'firing' AND acknowledged_by IS NULL RETURNING id
    ), reminding AS (
        UPDATE callwatch.rule_states SET details = details || '{"is_acknowledged": true}'
        WHERE alert_id IN (SELECT id FROM found)
    )
    INSERT INTO callwatch.alert_timeline (alert_id, at, kind, actor, details)
    SELECT id, %(now)s, 'acknowledged', %(actor)s, %(details)s FROM found RETURNING alert_id
"""
_END_ACKNOWLEDGEMENTS = """
    WITH found AS (
        UPDATE callwatch.alerts SET acknowledged_by = NULL, acknowledged_at = NULL
        WHERE incident_id = %(incident_id)s AND state = 'firing' AND acknowledged_by = %(owner)s RETURNING id
    ), reminding AS (
        UPDATE callwatch.rule_states SET details = details || '{"is_acknowledged": false}'
        WHERE alert_id IN (SELECT id FROM found)
    )
    INSERT INTO callwatch.alert_timeline (alert_id, at, kind, actor, details)
    SELECT id, %(now)s, 'released', %(actor)s, %(details)s FROM found
"""
_RESOLVE_ALL = """
    WITH found AS (
        UPDATE callwatch.alerts SET state = 'resolved', resolved_at = greatest(%(now)s, started_at), suppressed_by = NULL,
            acknowledged_by = NULL, acknowledged_at = NULL, end_reason = 'resolved_by_person'
        WHERE id = ANY (%(ids)s) AND state = 'firing' RETURNING id
    )
    INSERT INTO callwatch.alert_timeline (alert_id, at, kind, actor, details)
    SELECT id, %(now)s, 'resolved', %(actor)s, %(details)s FROM found
"""


def acknowledge_alerts(conn: AnyConnection, alert_ids: Sequence[int], actor: str, now: datetime, details: str) -> list[int]:
    """Acknowledge those that fire and that nobody acknowledged; returns their ids. The caller commits."""
    given = {"ids": sorted(alert_ids), "actor": actor, "now": now, "details": details}
    return [int(row["alert_id"]) for row in fetch_all(conn, _ACKNOWLEDGE_ALL, given)] if alert_ids else []


def end_acknowledgements(conn: AnyConnection, incident_id: int, owner: str, actor: str, now: datetime, details: str) -> None:
    """End what one person acknowledged of an incident: its firing alerts remind again. The caller commits."""
    given = {"incident_id": incident_id, "owner": owner, "actor": actor, "now": now, "details": details}
    execute(conn, _END_ACKNOWLEDGEMENTS, given)


def resolve_alerts(conn: AnyConnection, alert_ids: Sequence[int], actor: str, now: datetime, details: str) -> None:
    """End firing alerts by a person's action. The caller commits."""
    execute(conn, _RESOLVE_ALL, {"ids": sorted(alert_ids), "actor": actor, "now": now, "details": details})
