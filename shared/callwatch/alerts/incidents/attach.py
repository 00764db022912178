"""Adds to waiting notifications the incident that they are about, with its other alerts, the worst first.

The evaluation queues notifications before it groups incidents, so that a failure of the incidents costs no notification. This
runs after both, in the same transaction.
"""

from collections.abc import Sequence

from callwatch.alerts.notifications.rendering import build_incident_url
from callwatch.db.core.connect import AnyConnection
from callwatch.db.incident_queries.incident_deliveries import (
    ToldAlert,
    ToldIncident,
    attach_parts,
    list_deliveries_without_incident,
    read_told_alerts,
    read_told_incidents,
)
from callwatch.models.shapes.alerting.webhook import IncidentPart
from callwatch.settings import Settings
from callwatch.times import format_time

_MAX_ALERTS = 20


def attach_incidents(conn: AnyConnection, settings: Settings) -> None:
    """Add the incident to each waiting delivery that does not name one yet. The caller commits."""
    waiting = list_deliveries_without_incident(conn)
    ids = sorted({row["incident_id"] for row in waiting})
    if not ids:
        return
    alerts: dict[int, list[ToldAlert]] = {}
    for alert in read_told_alerts(conn, ids, _MAX_ALERTS):
        alerts.setdefault(alert["incident_id"], []).append(alert)
    parts = {row["id"]: build_part(row, alerts.get(row["id"], ()), settings) for row in read_told_incidents(conn, ids)}
    attach_parts(
        conn,
        [
            (row["id"], row["incident_id"], parts[row["incident_id"]] if row["is_whole"] else None)
            for row in waiting
            if row["incident_id"] in parts
        ],
    )


def build_part(incident: ToldIncident, alerts: Sequence[ToldAlert], settings: Settings) -> IncidentPart:
    """Build what a notification says of its incident, as JSON."""
    return {
        "id": str(incident["id"]),
        "title": incident["title"],
        "sentence": incident["sentence"],
        "level": incident["level"],
        "state": incident["state"],
        "started_at": format_time(incident["started_at"]),
        "url": build_incident_url(settings, incident["id"]),
        "alert_count": incident["alert_count"],
        "alerts": [
            {
                "rule_id": alert["rule_id"],
                "title": alert["title"],
                "level": alert["level"],
                "state": alert["state"],
                "labels": alert["labels"],
                "alert_id": str(alert["id"]),
            }
            for alert in alerts
        ],
    }
