"""The incident of each waiting delivery: which one it is about, and what the notification says of it."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypedDict

from psycopg2.extras import Json, execute_values

from callwatch.db.alert_queries.alerts import clean_labels
from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import fetch_all
from callwatch.models.alert import AlertState, Level
from callwatch.models.incident import IncidentState
from callwatch.models.shapes.alerting.webhook import IncidentPart

# is_whole: all alerts of the delivery belong to the incident.
_WITHOUT = """
    SELECT mine.id, alerts.incident_id, NOT EXISTS (
        SELECT FROM callwatch.alerts AS others
        WHERE others.id = ANY (mine.alert_ids) AND others.incident_id IS DISTINCT FROM alerts.incident_id) AS is_whole
    FROM callwatch.deliveries AS mine JOIN callwatch.alerts ON alerts.id = mine.alert_id
    WHERE mine.state = 'due' AND mine.incident_id IS NULL AND mine.alert_id IS NOT NULL AND alerts.incident_id IS NOT NULL
    ORDER BY mine.id
"""
_INCIDENTS = """
    SELECT id, title, sentence, level, state, started_at,
        (SELECT count(*) FROM callwatch.alerts WHERE alerts.incident_id = incidents.id) AS alert_count
    FROM callwatch.incidents WHERE id = ANY (%s)
"""
_ALERTS = """
    SELECT incident_id, id, rule_id, title, level, state, labels FROM (
        SELECT *, row_number() OVER (
            PARTITION BY incident_id
            ORDER BY state, array_position(ARRAY['critical', 'error', 'warning', 'info'], level), started_at, id) AS place
        FROM callwatch.alerts WHERE incident_id = ANY (%s)
    ) AS ranked WHERE place <= %s ORDER BY incident_id, place
"""
_ATTACH = """
    UPDATE callwatch.deliveries AS mine SET incident_id = given.incident_id,
        payload = CASE WHEN given.part IS NULL THEN mine.payload ELSE mine.payload || given.part END
    FROM (VALUES %s) AS given (id, incident_id, part)
    WHERE mine.id = given.id AND mine.incident_id IS NULL
"""


class DeliveryWithout(TypedDict):
    """A waiting delivery without its incident; is_whole: it is about nothing else."""

    id: int
    incident_id: int
    is_whole: bool


class ToldIncident(TypedDict):
    """What a notification says of an incident."""

    id: int
    title: str
    sentence: str
    level: Level
    state: IncidentState
    started_at: datetime
    alert_count: int


class ToldAlert(TypedDict):
    """What a notification says of an alert of an incident."""

    incident_id: int
    id: int
    rule_id: str
    title: str
    level: Level
    state: AlertState
    labels: dict[str, str]


def list_deliveries_without_incident(conn: AnyConnection) -> list[DeliveryWithout]:
    """Waiting deliveries whose alert belongs to an incident that they do not name yet."""
    return fetch_all(conn, _WITHOUT, (), DeliveryWithout)


def read_told_incidents(conn: AnyConnection, ids: Sequence[int]) -> list[ToldIncident]:
    """The incidents with these ids."""
    return fetch_all(conn, _INCIDENTS, (list(ids),), ToldIncident)


def read_told_alerts(conn: AnyConnection, ids: Sequence[int], limit: int) -> list[ToldAlert]:
    """At most `limit` alerts of each of these incidents: the firing ones first, the worst first."""
    rows = fetch_all(conn, _ALERTS, (list(ids), limit), ToldAlert)
    return [{**row, "labels": clean_labels(row["labels"])} for row in rows]


def attach_parts(conn: AnyConnection, rows: Sequence[tuple[int, int, IncidentPart | None]]) -> None:
    """Store the incident of deliveries (id, incident id, what their payload says of it, if anything). The caller commits."""
    given = [
        (delivery_id, incident_id, None if part is None else Json({"incident": part})) for delivery_id, incident_id, part in rows
    ]
    if given:
        with conn.cursor() as cursor:
            execute_values(cursor, _ATTACH, given, "(%s::bigint, %s::bigint, %s::jsonb)", page_size=500)
