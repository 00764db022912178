"""The channels that notifications are sent through."""

from datetime import datetime
from typing import Literal, TypedDict

from callwatch.models.shapes.alerts import Delivery
from callwatch.models.shapes.unknown import Known, Unknown

ChannelHealth = Literal["ok", "failing", "held", "unused", "not_configured", "invalid"]


class Channel(TypedDict):
    """One channel.

    state: ok (the latest attempt was delivered), failing, held (its deliveries wait until `held_until`), unused (nothing was
    sent yet), not_configured (`needs` names the variables to set, alternatives in one text), invalid (`problem` names the
    setting).
    """

    name: str
    kind: str
    is_configured: bool
    state: ChannelHealth
    last_sent_at: datetime | None
    last_error: str | None
    last_failed_at: datetime | None
    held_until: datetime | None
    needs: list[str]
    problem: str | None


class ChannelItem(Channel):
    """A channel in the list; `unknown` says why a field is null."""

    unknown: dict[str, Unknown]


class ChannelPage(Known):
    """GET /api/channels; every channel also has an `unknown` of its own."""

    items: list[ChannelItem]
    next_cursor: str | None


class TestedChannel(ChannelItem):
    """A channel after a test notification, with the delivery of the test."""

    test_deliveries: list[Delivery]
