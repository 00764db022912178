"""Incidents: one cause and the alerts that follow from it."""

from datetime import datetime
from typing import Annotated, NotRequired, TypedDict

from callwatch.models.alert import AlertState, Level
from callwatch.models.constraints import About
from callwatch.models.incident import IncidentState
from callwatch.models.shapes.stored import AlertFields, ChangeBefore, IncidentNote
from callwatch.models.shapes.unknown import Known


class IncidentCause(AlertFields):
    """The alert from which the others of an incident follow."""

    id: str


class IncidentAlert(TypedDict):
    """An alert of an incident; GET /api/alerts/{id} has all of it."""

    id: str
    rule_id: str
    title: str
    level: Level
    state: AlertState
    message: str
    labels: dict[str, str]
    started_at: datetime
    resolved_at: datetime | None
    suppressed_by: str | None


class Impact(TypedDict):
    """Whom it concerns, as far as that is recorded.

    calls: the most that waited at once in the stages it is about. errors: of its groups, or else all of the product's, since it
    began. users: who met the error that it is about.
    """

    calls: int | None
    agencies: int | None
    users: int | None
    errors: int | None


class Incident(TypedDict):
    """One cause and the alerts that follow from it; open while one of them fires.

    alerts: the firing ones first, at most 10 in a list and 100 in the detail; alert_count: all. merged_into: the incident that
    took it over because its cause follows from that one's.
    """

    id: str
    title: str
    sentence: str
    level: Annotated[Level, About("The highest that any of its alerts had.")]
    state: IncidentState
    started_at: datetime
    resolved_at: datetime | None
    cause: IncidentCause
    alerts: list[IncidentAlert]
    alert_count: int
    firing_count: int
    impact: Impact
    owner: str | None
    owned_at: datetime | None
    silenced_until: Annotated[datetime | None, About("When nothing of it is sent: the end of the silence that ends first.")]
    silenced_by: str | None
    changes: Annotated[list[ChangeBefore], About("Changes in the hour before it began, newest first.")]
    merged_into: str | None


class IncidentPage(Known):
    """GET /api/incidents."""

    items: list[Incident]
    next_cursor: str | None


class IncidentEntry(TypedDict):
    """What happened to an incident, or to one of its alerts, which it then names."""

    at: datetime
    kind: str
    actor: str
    details: str
    alert_id: NotRequired[str]


class IncidentParts(Incident):
    """An incident with what happened to it; timeline: the latest 500 entries, oldest first."""

    timeline: list[IncidentEntry]
    notes: Annotated[list[IncidentNote], About("Newest first.")]
    runbook_url: str


class IncidentDetail(IncidentParts, Known):
    """GET /api/incidents/{id}."""
