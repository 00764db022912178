"""Shapes of what people publish of incidents on the public status page, and of the page's snapshot."""

from datetime import datetime
from typing import Annotated, NotRequired, TypedDict

from callwatch.models.constraints import About, Items, Text
from callwatch.models.public_status import ComponentState, PublicationState, PublicImpact
from callwatch.models.shapes.unknown import Known


class NewPublication(TypedDict):
    """POST /api/incidents/{id}/publication: the first one publishes the incident and needs a title; each adds an update."""

    status: PublicationState
    body: Annotated[str, Text(5_000, 1, r"\S")]
    title: NotRequired[Annotated[str, Text(200, 1, r"\S")]]
    impact: NotRequired[PublicImpact]
    components: NotRequired[Annotated[list[str], Items(0, 30)]]


class PublicUpdate(TypedDict):
    """One published update."""

    id: str
    status: PublicationState
    body: str
    at: datetime


class PublicIncident(TypedDict):
    """A published incident; updates: newest first. components: ids of the page's components."""

    id: str
    title: str
    status: PublicationState
    impact: PublicImpact
    components: list[str]
    created_at: datetime
    updated_at: datetime
    resolved_at: datetime | None
    updates: list[PublicUpdate]


class PublicationDraft(TypedDict):
    """A proposal made from the incident, for a person to reword."""

    title: str
    body: str
    impact: PublicImpact
    components: list[str]


class Publication(Known):
    """GET and POST /api/incidents/{id}/publication. published: null while nobody has published the incident."""

    draft: PublicationDraft
    published: PublicIncident | None
    is_page_on: Annotated[bool, About("Whether STATUS_PAGE_FILE switches the public page on.")]


class SnapshotComponent(TypedDict):
    """A component as the monitor assessed it."""

    id: str
    name: str
    description: str
    status: ComponentState


class Snapshot(TypedDict):
    """What the monitor writes for the public page in each cycle; at is None before the first.

    incidents: the open ones first, then the newest.
    """

    at: datetime | None
    name: str
    components: list[SnapshotComponent]
    incidents: list[PublicIncident]
