"""Incidents as the evaluation reads and writes them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypedDict

from psycopg2.extras import Json, execute_values

from callwatch.db.alert_queries.alerts import clean_labels
from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import execute, fetch_all, fetch_one
from callwatch.db.core.values import execute_rows
from callwatch.models.alert import Level
from callwatch.models.incident import IncidentState

_COLUMNS = """id, state, title, sentence, level, started_at, resolved_at, cause_alert_id, owner, owned_at, merged_into,
    impact"""
_FIRING = """
    SELECT id, alert_key, rule_id, title, level, left(message, 300) AS message, labels, value, unit, measures, started_at,
        incident_id, acknowledged_by
    FROM callwatch.alerts WHERE state = 'firing' ORDER BY id
"""
_STANDING = f"SELECT {_COLUMNS} FROM callwatch.incidents WHERE state = 'open' OR id = ANY (%s) ORDER BY id"
_OPEN = """
    INSERT INTO callwatch.incidents (state, title, sentence, level, started_at, resolved_at, cause_alert_id, impact)
    VALUES %s RETURNING id, cause_alert_id
"""
_OPEN_ROW = "(%(state)s, %(title)s, %(sentence)s, %(level)s, %(started_at)s, %(resolved_at)s, %(cause_alert_id)s, %(impact)s)"
_UPDATE = """
    UPDATE callwatch.incidents AS mine SET state = given.state, title = given.title, sentence = given.sentence,
        level = given.level, started_at = given.started_at, resolved_at = given.resolved_at,
        cause_alert_id = given.cause_alert_id, impact = given.impact, owner = given.owner, owned_at = given.owned_at
    FROM (VALUES %s) AS given
        (id, state, title, sentence, level, started_at, resolved_at, cause_alert_id, impact, owner, owned_at)
    WHERE mine.id = given.id
"""
_UPDATE_ROW = """(%(id)s::bigint, %(state)s, %(title)s, %(sentence)s, %(level)s, %(started_at)s::timestamptz,
    %(resolved_at)s::timestamptz, %(cause_alert_id)s::bigint, %(impact)s::jsonb, %(owner)s::text, %(owned_at)s::timestamptz)"""
_PLACE = """
    UPDATE callwatch.alerts AS mine SET incident_id = given.incident_id
    FROM (VALUES %s) AS given (id, incident_id) WHERE mine.id = given.id
"""
_MERGE = """
    UPDATE callwatch.incidents AS mine SET state = 'resolved', resolved_at = coalesce(mine.resolved_at, given.at),
        merged_into = given.other_id
    FROM (VALUES %s) AS given (id, other_id, at) WHERE mine.id = given.id
"""
# What was merged into a merged incident, so that nobody follows a chain.
_MERGE_FURTHER = """
    UPDATE callwatch.incidents AS mine SET merged_into = given.other_id
    FROM (VALUES %s) AS given (id, other_id) WHERE mine.merged_into = given.id
"""
# What ended while it was in a merged incident belongs to the other one, too.
_MOVE_ALL = """
    UPDATE callwatch.alerts AS mine SET incident_id = given.other_id
    FROM (VALUES %s) AS given (id, other_id) WHERE mine.incident_id = given.id
"""
_WITHOUT = """
    SELECT alerts.id, alerts.rule_id, alerts.title, alerts.level, left(alerts.message, 300) AS message, alerts.labels,
        alerts.value, alerts.unit, alerts.measures, alerts.started_at, alerts.resolved_at, alerts.cause_id,
        causes.incident_id AS cause_incident_id
    FROM callwatch.alerts LEFT JOIN callwatch.alerts AS causes ON causes.id = alerts.cause_id
    WHERE alerts.incident_id IS NULL AND alerts.state = 'resolved' ORDER BY alerts.id LIMIT %s
"""


class AlertInIncident(TypedDict):
    """A firing alert as the grouping needs it."""

    id: int
    alert_key: str
    rule_id: str
    title: str
    level: Level
    message: str
    labels: dict[str, str]
    value: float | None
    unit: str | None
    measures: str | None
    started_at: datetime
    incident_id: int | None
    acknowledged_by: str | None


class AlertWithout(TypedDict):
    """An alert that ended without an incident, and the incident of the alert that inhibited it."""

    id: int
    rule_id: str
    title: str
    level: Level
    message: str
    labels: dict[str, str]
    value: float | None
    unit: str | None
    measures: str | None
    started_at: datetime
    resolved_at: datetime
    cause_id: int | None
    cause_incident_id: int | None


class NewIncident(TypedDict):
    """What a new incident stores. impact: by field {"value": n} or {"code", "message"}."""

    state: IncidentState
    title: str
    sentence: str
    level: Level
    started_at: datetime
    resolved_at: datetime | None
    cause_alert_id: int
    impact: Mapping[str, Mapping[str, Any]]


class IncidentRow(NewIncident):
    """An incident as it is stored."""

    id: int
    owner: str | None
    owned_at: datetime | None
    merged_into: int | None


class _OpenedRow(TypedDict):
    id: int
    cause_alert_id: int


def list_firing_for_incidents(conn: AnyConnection) -> list[AlertInIncident]:
    """All firing alerts, the oldest row first."""
    rows = fetch_all(conn, _FIRING, (), AlertInIncident)
    return [{**row, "labels": clean_labels(row["labels"])} for row in rows]


def list_standing_incidents(conn: AnyConnection, ids: Iterable[int]) -> list[IncidentRow]:
    """All open incidents, and those with these ids."""
    return fetch_all(conn, _STANDING, (sorted(set(ids)),), IncidentRow)


def get_incident(conn: AnyConnection, incident_id: int) -> IncidentRow | None:
    """One incident."""
    return fetch_one(conn, f"SELECT {_COLUMNS} FROM callwatch.incidents WHERE id = %s", (incident_id,), IncidentRow)


def list_open_incidents(conn: AnyConnection, ids: Sequence[int]) -> list[IncidentRow]:
    """Those of these incidents that are open, the oldest row first."""
    statement = f"SELECT {_COLUMNS} FROM callwatch.incidents WHERE id = ANY (%s) AND state = 'open' ORDER BY id"
    return fetch_all(conn, statement, (list(ids),), IncidentRow)


def open_incidents(conn: AnyConnection, rows: Sequence[NewIncident]) -> dict[int, int]:
    """Add incidents, each with another cause; returns their ids by the cause's id. The caller commits."""
    if not rows:
        return {}
    given = [{**row, "impact": Json(row["impact"])} for row in rows]
    with conn.cursor() as cursor:
        found = execute_values(cursor, _OPEN, given, _OPEN_ROW, page_size=1000, fetch=True)
    return {int(cause_id): int(incident_id) for incident_id, cause_id in found}


def update_incidents(conn: AnyConnection, rows: Sequence[IncidentRow]) -> None:
    """Store what changed of incidents. The caller commits."""
    given = [{**row, "impact": Json(row["impact"])} for row in sorted(rows, key=lambda row: row["id"])]
    execute_rows(conn, _UPDATE, given, _UPDATE_ROW)


def place_alerts(conn: AnyConnection, places: Mapping[int, int]) -> None:
    """Store the incident of alerts, by id. The caller commits."""
    execute_rows(conn, _PLACE, sorted(places.items()))


def merge_incidents(conn: AnyConnection, merged: Mapping[int, int], now: datetime) -> None:
    """End incidents (by id) in favor of others, to which all their alerts move. The caller commits."""
    execute_rows(conn, _MERGE, [(mine, other, now) for mine, other in sorted(merged.items())])
    execute_rows(conn, _MERGE_FURTHER, sorted(merged.items()))
    execute_rows(conn, _MOVE_ALL, sorted(merged.items()))


def list_alerts_without_incident(conn: AnyConnection, limit: int) -> list[AlertWithout]:
    """Alerts that ended and belong to no incident, the oldest row first."""
    rows = fetch_all(conn, _WITHOUT, (limit,), AlertWithout)
    return [{**row, "labels": clean_labels(row["labels"])} for row in rows]


def own_incident(conn: AnyConnection, incident_id: int, owner: str | None, now: datetime) -> None:
    """Store who works on an incident; None: nobody. The caller commits."""
    statement = "UPDATE callwatch.incidents SET owner = %s, owned_at = %s WHERE id = %s"
    execute(conn, statement, (owner, now if owner is not None else None, incident_id))
