"""Assesses the components of the public status page, and gathers what is published: the snapshot of one cycle."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from callwatch.alerts.incidents.subjects import find_stages
from callwatch.db.alert_queries.alerts import list_firing_alerts
from callwatch.db.alert_queries.rule_states import list_stored_states
from callwatch.db.core.connect import AnyConnection
from callwatch.db.incident_queries.publications import list_publications, list_updates
from callwatch.db.queries.check_results import read_service_states
from callwatch.reports.status_page.components import Assessed, assess
from callwatch.reports.status_page.publications import show_publications
from callwatch.settings.status_page import StatusPage

if TYPE_CHECKING:
    from callwatch.models.shapes.incidents.publication import Snapshot

# As old as a result may be, and still say something about the present.
_CHECKED_WITHIN = timedelta(minutes=10)
_SHOWN_FOR = timedelta(days=90)
_MAX_INCIDENTS = 50


def build_snapshot(conn: AnyConnection, page: StatusPage, now: datetime) -> Snapshot:
    """Assess the components, and load what is published."""
    known = _read_assessed(conn, now)
    rows = list_publications(conn, now - _SHOWN_FOR, _MAX_INCIDENTS)
    return {
        "at": now,
        "name": page.name,
        "components": [
            {"id": each.id, "name": each.name, "description": each.description, "status": assess(each, known)}
            for each in page.components
        ],
        "incidents": show_publications(rows, list_updates(conn, [row["id"] for row in rows])),
    }


def _read_assessed(conn: AnyConnection, now: datetime) -> Assessed:
    services = {
        name: state["status"] if now - state["checked_at"] <= _CHECKED_WITHIN else "unknown"
        for name, state in read_service_states(conn).items()
    }
    labels = [
        {"stage": str(stage)}
        for state in list_stored_states(conn)
        if state["state"] != "unknown" and (stage := (state["details"].get("labels") or {}).get("stage"))
    ]
    firing = [(alert["level"], frozenset(find_stages([alert["labels"]]))) for alert in list_firing_alerts(conn)]
    return Assessed(services, frozenset(find_stages(labels)), firing)
