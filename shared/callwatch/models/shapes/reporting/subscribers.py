"""Shapes of the public status page's subscribers, and of what is sent to them."""

from datetime import datetime
from typing import Annotated, Literal, NotRequired, TypedDict

from callwatch.models.constraints import About, Items, Text
from callwatch.models.public_status import PublicationState, PublicImpact
from callwatch.models.shapes.unknown import Known, Unknown

SubscriberState = Literal["ok", "failing", "held", "unused", "switched_off"]


class NewSubscriber(TypedDict):
    """POST /api/status-page/subscribers. components: ids of the page's components; left out: all, those of later included."""

    url: Annotated[str, Text(1_000, 1, r"^https?://")]
    components: NotRequired[Annotated[list[str], Items(1, 30)]]


class Subscriber(TypedDict):
    """One subscriber. components: none means all. waiting: how many messages are not delivered yet.

    state: ok (the latest attempt was delivered), failing, held (its messages wait until `held_until`), unused (nothing was sent
    yet), switched_off (nothing was delivered for 7 days: remove it, and add it again).
    """

    id: str
    url: str
    components: list[str]
    state: SubscriberState
    waiting: int
    created_at: datetime
    created_by: str
    last_sent_at: datetime | None
    last_failed_at: datetime | None
    last_error: str | None
    held_until: datetime | None
    switched_off_at: datetime | None
    unknown: dict[str, Unknown]


class SubscriberPage(Known):
    """GET /api/status-page/subscribers: all of them, the oldest first; every one also has an `unknown` of its own."""

    items: list[Subscriber]
    next_cursor: str | None


class MadeSubscriber(Subscriber):
    """A new subscriber, with its secret: no other response has it."""

    secret: Annotated[str, About("Verifies the signatures of messages: whsec_ + base64. It is shown only here.")]


class MessagePage(TypedDict):
    """The page that a message is about."""

    id: str
    name: str
    url: str


class MessageComponent(TypedDict):
    """A component that a published incident concerns; its state now is on the page."""

    id: str
    name: str


class MessageUpdate(TypedDict):
    """One update; times as ISO 8601."""

    id: str
    incident_id: str
    status: PublicationState
    body: str
    created_at: str
    updated_at: str
    display_at: str


class MessageIncident(TypedDict):
    """A published incident as it was after the update that a message is about; incident_updates: the newest first."""

    id: str
    name: str
    status: PublicationState
    impact: PublicImpact
    created_at: str
    started_at: str
    updated_at: str
    resolved_at: str | None
    shortlink: str
    page_id: str
    components: list[MessageComponent]
    incident_updates: list[MessageUpdate]


class SubscriberMessage(TypedDict):
    """What a subscriber receives when a person publishes something."""

    type: str
    timestamp: str
    page: MessagePage
    incident: MessageIncident
