"""Serializes incidents for the API: pages and one incident, with causes, alerts, silences, impact and changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from callwatch.alerts.evaluation.silences import Silences, load_silences
from callwatch.alerts.incidents.impact import load_impact
from callwatch.alerts.incidents.silenced import find_silenced
from callwatch.alerts.serializers import parse_id
from callwatch.db.alert_queries.silences import list_silences_in_force
from callwatch.db.core.connect import AnyConnection
from callwatch.db.incident_queries.changes import list_changes
from callwatch.db.incident_queries.incident_lists import (
    IncidentFilters,
    MemberRow,
    count_alerts,
    count_open,
    list_causes,
    list_incidents,
    list_loud,
    list_members,
    list_worst,
)
from callwatch.db.incident_queries.incident_timeline import EntryRow, list_entries, list_notes
from callwatch.db.incident_queries.incidents import IncidentRow, get_incident
from callwatch.exceptions import NotFound
from callwatch.models.incident import ImpactName
from callwatch.models.reason import Reason

if TYPE_CHECKING:
    from callwatch.models.shapes.incidents.incident import Impact, Incident, IncidentAlert, IncidentEntry, IncidentParts

ALERTS_IN_LIST, ALERTS_IN_DETAIL = 10, 100
MAX_ENTRIES, MAX_NOTES = 500, 200
# More alerts that are notified by themselves are no longer compared with silences: then none counts as silenced.
_MAX_LOUD = 1_000


@dataclass(frozen=True, slots=True)
class Loaded:
    """Serialized incidents, and why a figure of their impact is None, by index and name."""

    items: list[Incident]
    unknown: dict[str, Reason]


def load_incidents(
    conn: AnyConnection, filters: IncidentFilters, limit: int, now: datetime
) -> tuple[Loaded, tuple[str, int] | None]:
    """Serialize a page of incidents, newest first; returns also the position of the next one."""
    rows = list_incidents(conn, filters, limit + 1)
    shown = rows[:limit]
    position = (shown[-1]["started_at"].isoformat(), shown[-1]["id"]) if len(rows) > limit else None
    return serialize_incidents(conn, shown, now, ALERTS_IN_LIST), position


def load_worst_incidents(conn: AnyConnection, limit: int, now: datetime) -> tuple[Loaded, int]:
    """Serialize open incidents, the worst first; returns also how many are open."""
    return serialize_incidents(conn, list_worst(conn, limit), now, ALERTS_IN_LIST), count_open(conn)


def load_incident_detail(conn: AnyConnection, raw_id: str, now: datetime) -> tuple[IncidentParts, dict[str, Reason]]:
    """Serialize one incident with timeline and notes; returns also why figures of its impact are None. Raises NotFound."""
    row = find_incident(conn, raw_id)
    loaded = serialize_incidents(conn, [row], now, ALERTS_IN_DETAIL)
    entries = [_serialize_entry(entry) for entry in reversed(list_entries(conn, row["id"], MAX_ENTRIES))]
    detail: IncidentParts = {
        **loaded.items[0],
        "timeline": entries,
        "notes": list_notes(conn, row["id"], MAX_NOTES),
        "runbook_url": loaded.items[0]["cause"]["runbook_url"],
    }
    return detail, {path.removeprefix("0."): reason for path, reason in loaded.unknown.items()}


def find_incident(conn: AnyConnection, raw_id: str) -> IncidentRow:
    """Return the incident in a path. Raises NotFound."""
    row = get_incident(conn, parse_id(raw_id))
    if row is None:
        raise NotFound("no incident has this id")
    return row


def serialize_incidents(conn: AnyConnection, rows: Sequence[IncidentRow], now: datetime, alerts_each: int) -> Loaded:
    """Serialize incidents with at most `alerts_each` of their alerts; the statements do not grow with their number."""
    ids = [row["id"] for row in rows]
    if not ids:
        return Loaded([], {})
    causes = list_causes(conn, [row["cause_alert_id"] for row in rows])
    counts = count_alerts(conn, ids)
    changes = list_changes(conn, {row["id"]: row["started_at"] for row in rows})
    silenced = _find_silenced(conn, ids, now)
    members: dict[int, list[MemberRow]] = {}
    for member in list_members(conn, ids, alerts_each):
        members.setdefault(member["incident_id"], []).append(member)
    items: list[Incident] = []
    unknown: dict[str, Reason] = {}
    for index, row in enumerate(rows):
        until, by = silenced.get(row["id"], (None, None))
        impact, reasons = _serialize_impact(row["impact"])
        unknown |= {f"{index}.impact.{name}": reason for name, reason in reasons.items()}
        count = counts.get(row["id"])
        cause = causes[row["cause_alert_id"]]
        items.append(
            {
                "id": str(row["id"]),
                "title": row["title"],
                "sentence": row["sentence"],
                "level": row["level"],
                "state": row["state"],
                "started_at": row["started_at"],
                "resolved_at": row["resolved_at"],
                "cause": {**cause, "id": str(cause["id"])},
                "alerts": [_serialize_alert(member) for member in members.get(row["id"], ())],
                "alert_count": count["alerts"] if count else 0,
                "firing_count": count["firing"] if count else 0,
                "impact": impact,
                "owner": row["owner"],
                "owned_at": row["owned_at"],
                "silenced_until": until,
                "silenced_by": by,
                "changes": changes[row["id"]],
                "merged_into": str(row["merged_into"]) if row["merged_into"] is not None else None,
            }
        )
    return Loaded(items, unknown)


def _serialize_alert(member: MemberRow) -> IncidentAlert:
    return {
        "id": str(member["id"]),
        "rule_id": member["rule_id"],
        "title": member["title"],
        "level": member["level"],
        "state": member["state"],
        "message": member["message"],
        "labels": member["labels"],
        "started_at": member["started_at"],
        "resolved_at": member["resolved_at"],
        "suppressed_by": member["suppressed_by"],
    }


def _serialize_impact(kept: Mapping[str, object]) -> tuple[Impact, dict[str, Reason]]:
    impact = load_impact(kept)
    reasons: dict[str, Reason] = {name: figure for name, figure in impact.items() if isinstance(figure, Reason)}

    def show(name: ImpactName) -> int | None:
        figure = impact[name]
        return figure if isinstance(figure, int) else None

    shown: Impact = {"calls": show("calls"), "agencies": show("agencies"), "users": show("users"), "errors": show("errors")}
    return shown, reasons


def _serialize_entry(row: EntryRow) -> IncidentEntry:
    details = row["details"] or ""
    if row["alert_id"] is None:
        return {"at": row["at"], "kind": row["kind"], "actor": row["actor"], "details": details}
    about = f"{row['title']}: {details}" if details else row["title"] or ""
    entry: IncidentEntry = {"at": row["at"], "kind": row["kind"], "actor": row["actor"], "details": about}
    return {**entry, "alert_id": str(row["alert_id"])}


def _find_silenced(conn: AnyConnection, ids: Sequence[int], now: datetime) -> dict[int, tuple[datetime, str]]:
    """Find the incidents of which nothing is sent: every firing alert that is not inhibited is silenced."""
    silences = Silences(load_silences(list_silences_in_force(conn, now), now))
    loud = list_loud(conn, ids, _MAX_LOUD + 1) if silences else []
    if len(loud) > _MAX_LOUD:
        return {}
    of_incident: dict[int, list[tuple[datetime, str] | None]] = {}
    for row in loud:
        of_incident.setdefault(row["incident_id"], []).append(find_silenced(silences, row["rule_id"], row["labels"]))
    return {
        incident_id: min(each for each in found if each is not None)
        for incident_id, found in of_incident.items()
        if all(each is not None for each in found)
    }
