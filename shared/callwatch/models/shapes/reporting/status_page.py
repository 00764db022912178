"""Shapes of the public status page: those of Atlassian Statuspage's public API v2, as far as its clients need them."""

from datetime import datetime
from typing import TypedDict

from callwatch.models.public_status import ComponentState, Indicator, PublicationState, PublicImpact


class PageInfo(TypedDict):
    """The page itself; updated_at: when the monitor last assessed the components; null if never."""

    id: str
    name: str
    url: str
    time_zone: str
    updated_at: datetime | None


class PageStatus(TypedDict):
    """The state of all components together; unknown is an addition to Statuspage's words."""

    indicator: Indicator
    description: str


class PageComponent(TypedDict):
    """One component; the status unknown is an addition to Statuspage's words."""

    id: str
    name: str
    status: ComponentState
    description: str | None
    position: int
    page_id: str
    group: bool
    group_id: str | None
    only_show_if_degraded: bool
    updated_at: datetime | None


class PageUpdate(TypedDict):
    """One update of an incident."""

    id: str
    incident_id: str
    status: PublicationState
    body: str
    created_at: datetime
    updated_at: datetime
    display_at: datetime


class PageIncident(TypedDict):
    """A published incident."""

    id: str
    name: str
    status: PublicationState
    impact: PublicImpact
    created_at: datetime
    started_at: datetime
    updated_at: datetime
    monitoring_at: datetime | None
    resolved_at: datetime | None
    shortlink: str
    page_id: str
    components: list[PageComponent]
    incident_updates: list[PageUpdate]


class PageSummary(TypedDict):
    """GET /api/v2/summary.json."""

    page: PageInfo
    status: PageStatus
    components: list[PageComponent]
    incidents: list[PageIncident]
    scheduled_maintenances: list[PageIncident]


class PageIncidents(TypedDict):
    """GET /api/v2/incidents.json."""

    page: PageInfo
    incidents: list[PageIncident]
