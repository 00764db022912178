"""What happened to incidents as a whole, and what happened to their alerts."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypedDict

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import fetch_all, fetch_one
from callwatch.db.core.values import execute_rows
from callwatch.models.shapes.stored import IncidentNote

NOTE = "note"
_ADD = "INSERT INTO callwatch.incident_timeline (incident_id, at, kind, actor, details) VALUES %s"
# With the incidents that were merged into it.
_MERGED = "(SELECT id FROM callwatch.incidents WHERE id = %(id)s OR merged_into = %(id)s)"
# Of one moment, the opening comes first, and what happened to the incident after what happened to its alerts.
_LIST = f"""
    SELECT at, kind, actor, details, alert_id, title FROM (
        (SELECT at, kind, actor, details, NULL::bigint AS alert_id, NULL AS title, id,
             CASE kind WHEN 'opened' THEN 0 ELSE 2 END AS place
         FROM callwatch.incident_timeline
         WHERE incident_id IN {_MERGED} ORDER BY at DESC, id DESC LIMIT %(limit)s)
        UNION ALL
        (SELECT entries.at, entries.kind, entries.actor, entries.details, alerts.id, alerts.title, entries.id, 1
         FROM callwatch.alerts JOIN callwatch.alert_timeline AS entries ON entries.alert_id = alerts.id
         WHERE alerts.incident_id = %(id)s ORDER BY entries.at DESC, entries.id DESC LIMIT %(limit)s)
    ) AS found ORDER BY at DESC, place DESC, id DESC LIMIT %(limit)s
"""
_NOTES = f"""
    SELECT at, actor, details AS note FROM callwatch.incident_timeline
    WHERE incident_id IN {_MERGED} AND kind = '{NOTE}' ORDER BY at DESC, id DESC LIMIT %(limit)s
"""


class NewEntry(TypedDict):
    """Something that happened to an incident."""

    incident_id: int
    at: datetime
    kind: str
    actor: str
    details: str


class EntryRow(TypedDict):
    """An entry of an incident or of one of its alerts, which it then names."""

    at: datetime
    kind: str
    actor: str
    details: str | None
    alert_id: int | None
    title: str | None


def add_entries(conn: AnyConnection, entries: Sequence[NewEntry]) -> None:
    """Record what happened to incidents. The caller commits."""
    rows = [(entry["incident_id"], entry["at"], entry["kind"], entry["actor"], entry["details"]) for entry in entries]
    execute_rows(conn, _ADD, rows)


def list_entries(conn: AnyConnection, incident_id: int, limit: int) -> list[EntryRow]:
    """The latest entries of an incident and its alerts, newest first."""
    return fetch_all(conn, _LIST, {"id": incident_id, "limit": limit}, EntryRow)


def list_notes(conn: AnyConnection, incident_id: int, limit: int) -> list[IncidentNote]:
    """The latest notes of an incident, newest first."""
    return fetch_all(conn, _NOTES, {"id": incident_id, "limit": limit}, IncidentNote)


def count_notes(conn: AnyConnection, incident_id: int) -> int:
    """How many notes an incident has."""
    statement = f"SELECT count(*) AS n FROM callwatch.incident_timeline WHERE incident_id = %s AND kind = '{NOTE}'"
    row = fetch_one(conn, statement, (incident_id,))
    return int(row["n"]) if row else 0
