"""Gives an incident to alerts that ended without one: those of outages, of earlier versions, and of updates that failed."""

from datetime import datetime

from callwatch.alerts.incidents.impact import UNMEASURED, dump_impact
from callwatch.alerts.incidents.sentences import write_sentence, write_title
from callwatch.db.core.connect import AnyConnection
from callwatch.db.incident_queries.incident_timeline import NewEntry, add_entries
from callwatch.db.incident_queries.incidents import (
    AlertWithout,
    NewIncident,
    list_alerts_without_incident,
    open_incidents,
    place_alerts,
)
from callwatch.settings import Settings

# A longer history is worked off by the next evaluations.
_AT_ONCE = 500


def add_missed(conn: AnyConnection, settings: Settings, now: datetime) -> int:
    """Add resolved incidents for alerts without one; returns how many alerts got theirs. The caller commits.

    An alert that was inhibited goes to the incident of its cause.
    """
    alerts = {row["id"]: row for row in list_alerts_without_incident(conn, _AT_ONCE)}
    places: dict[int, int] = {}
    roots: dict[int, int] = {}
    for row in alerts.values():
        root = _find_root(row, alerts)
        if root["cause_incident_id"] is not None:
            places[row["id"]] = root["cause_incident_id"]
        else:
            roots[row["id"]] = root["id"]
    members: dict[int, list[AlertWithout]] = {}
    for alert_id, root_id in roots.items():
        members.setdefault(root_id, []).append(alerts[alert_id])
    made = open_incidents(conn, [_build(alerts[root_id], rows, settings, now) for root_id, rows in members.items()])
    places |= {alert_id: made[root_id] for alert_id, root_id in roots.items()}
    place_alerts(conn, places)
    add_entries(conn, [entry for root_id, id_ in made.items() for entry in _describe(id_, alerts[root_id], members[root_id])])
    return len(places)


def _find_root(row: AlertWithout, alerts: dict[int, AlertWithout]) -> AlertWithout:
    seen = {row["id"]}
    while row["cause_incident_id"] is None and row["cause_id"] in alerts and row["cause_id"] not in seen:
        row = alerts[row["cause_id"]]
        seen.add(row["id"])
    return row


def _build(cause: AlertWithout, members: list[AlertWithout], settings: Settings, now: datetime) -> NewIncident:
    started_at = min(row["started_at"] for row in members)
    resolved_at = max(row["resolved_at"] for row in members)
    return {
        "state": "resolved",
        "title": write_title(cause["title"], cause["labels"]),
        "sentence": write_sentence(cause, 0, None, started_at, resolved_at, now, settings.timezone),
        "level": cause["level"],
        "started_at": started_at,
        "resolved_at": resolved_at,
        "cause_alert_id": cause["id"],
        "impact": dump_impact(UNMEASURED),
    }


def _describe(incident_id: int, cause: AlertWithout, members: list[AlertWithout]) -> list[NewEntry]:
    began, ended = min(row["started_at"] for row in members), max(row["resolved_at"] for row in members)
    title = write_title(cause["title"], cause["labels"])
    return [
        {"incident_id": incident_id, "at": began, "kind": "opened", "actor": "callwatch", "details": title},
        {"incident_id": incident_id, "at": ended, "kind": "resolved", "actor": "callwatch", "details": "written afterwards"},
    ]
