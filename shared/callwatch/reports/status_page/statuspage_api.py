"""The snapshot in the shapes of Atlassian Statuspage's public API v2, which many tools read. Pure.

Its words have none for "nobody can assess it": a component then has the status `unknown`, and the page the indicator `unknown`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from callwatch.models.public_status import ComponentState, Indicator
from callwatch.reports.status_page.components import find_worst
from callwatch.settings import Settings

if TYPE_CHECKING:
    from callwatch.models.shapes.incidents.publication import PublicIncident, Snapshot
    from callwatch.models.shapes.reporting.status_page import (
        PageComponent,
        PageIncident,
        PageIncidents,
        PageInfo,
        PageStatus,
        PageSummary,
    )

_INDICATORS: Mapping[ComponentState, tuple[Indicator, str]] = {
    "operational": ("none", "All systems operational"),
    "under_maintenance": ("maintenance", "Maintenance in progress"),
    "unknown": ("unknown", "The state of some systems is unknown"),
    "degraded_performance": ("minor", "Degraded performance"),
    "partial_outage": ("major", "Partial outage"),
    "major_outage": ("critical", "Major outage"),
}
PAGE_ID = "callwatch"


def build_summary(snapshot: Snapshot, url: str) -> PageSummary:
    """GET /api/v2/summary.json: the components, and the published incidents that are not resolved. url: of the page."""
    return {
        "page": _show_page(snapshot, url),
        "status": find_status(snapshot),
        "components": _show_components(snapshot),
        "incidents": [
            _show_incident(incident, snapshot, url) for incident in snapshot["incidents"] if not incident["resolved_at"]
        ],
        "scheduled_maintenances": [],
    }


def build_incidents(snapshot: Snapshot, url: str) -> PageIncidents:
    """GET /api/v2/incidents.json: all published incidents of the last 90 days, newest first."""
    newest = sorted(snapshot["incidents"], key=lambda incident: incident["created_at"], reverse=True)
    return {"page": _show_page(snapshot, url), "incidents": [_show_incident(incident, snapshot, url) for incident in newest]}


def find_status(snapshot: Snapshot) -> PageStatus:
    """The state of the whole page: that of its worst component."""
    indicator, description = _INDICATORS[find_worst(component["status"] for component in snapshot["components"])]
    return {"indicator": indicator, "description": description}


def find_page_url(settings: Settings) -> str:
    """The address of the public status page."""
    return f"{settings.app_url or ''}/status"


def link_incident(url: str, incident_id: str) -> str:
    """The address of a published incident. url: of the page."""
    return f"{url}#incident-{incident_id}"


def _show_page(snapshot: Snapshot, url: str) -> PageInfo:
    return {"id": PAGE_ID, "name": snapshot["name"], "url": url, "time_zone": "Etc/UTC", "updated_at": snapshot["at"]}


def _show_components(snapshot: Snapshot) -> list[PageComponent]:
    return [
        {
            "id": component["id"],
            "name": component["name"],
            "status": component["status"],
            "description": component["description"] or None,
            "position": position,
            "page_id": PAGE_ID,
            "group": False,
            "group_id": None,
            "only_show_if_degraded": False,
            "updated_at": snapshot["at"],
        }
        for position, component in enumerate(snapshot["components"], start=1)
    ]


def _show_incident(incident: PublicIncident, snapshot: Snapshot, url: str) -> PageIncident:
    monitoring = [update["at"] for update in incident["updates"] if update["status"] == "monitoring"]
    return {
        "id": incident["id"],
        "name": incident["title"],
        "status": incident["status"],
        "impact": incident["impact"],
        "created_at": incident["created_at"],
        "started_at": incident["created_at"],
        "updated_at": incident["updated_at"],
        "monitoring_at": min(monitoring, default=None),
        "resolved_at": incident["resolved_at"],
        "shortlink": link_incident(url, incident["id"]),
        "page_id": PAGE_ID,
        "components": [each for each in _show_components(snapshot) if each["id"] in incident["components"]],
        "incident_updates": [
            {
                "id": update["id"],
                "incident_id": incident["id"],
                "status": update["status"],
                "body": update["body"],
                "created_at": update["at"],
                "updated_at": update["at"],
                "display_at": update["at"],
            }
            for update in incident["updates"]
        ],
    }
