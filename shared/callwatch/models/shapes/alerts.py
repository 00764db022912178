"""Alerts, with their timelines, deliveries and followers, and the silences that mute them."""

from datetime import datetime
from typing import Literal, TypedDict

from callwatch.models.shapes.stored import AlertFields, ChangeBefore, FollowerFields, Matchers, SilenceFields
from callwatch.models.shapes.unknown import Known


class Alert(AlertFields):
    """One span from firing to resolved; changes: in the hour before it began, newest first."""

    id: str
    incident_id: str | None
    silenced_until: datetime | None
    silenced_by: str | None
    changes: list[ChangeBefore]


class TimelineEntry(TypedDict):
    """What happened to an alert."""

    at: datetime
    kind: str
    actor: str
    details: str | None


class Delivery(TypedDict):
    """One notification to one channel."""

    channel: str
    kind: str
    state: Literal["due", "sent", "failed", "withdrawn"]
    attempts: int
    last_error: str | None
    created_at: datetime
    sent_at: datetime | None
    message_id: str


class Follower(FollowerFields):
    """An alert that was inhibited by another one, and so was not sent by itself."""

    id: str


class AlertParts(Alert):
    """An alert with what belongs to it."""

    timeline: list[TimelineEntry]
    deliveries: list[Delivery]
    follows: list[Follower]


class AlertDetail(AlertParts, Known):
    """GET /api/alerts/{id}."""


class AlertPage(Known):
    """GET /api/alerts."""

    items: list[Alert]
    next_cursor: str | None


class Muted(FollowerFields):
    """A firing alert that a silence mutes now."""

    id: str


class Silence(SilenceFields):
    """A person's mute, with a reason and an end.

    is_muting: whether it mutes now; next_starts_at: when it begins to. mutes: the first 50 of mutes_count firing alerts that
    it mutes now.
    """

    id: str
    matchers: Matchers
    is_muting: bool
    next_starts_at: datetime | None
    mutes: list[Muted]
    mutes_count: int


class MadeSilence(Silence, Known):
    """A new silence; warnings: hints at mistakes in it."""

    warnings: list[str]


class SilencePage(Known):
    """GET /api/silences."""

    items: list[Silence]
    next_cursor: str | None
