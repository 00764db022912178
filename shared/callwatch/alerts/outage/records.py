"""What is remembered of an outage, as JSON in a file; times are texts in ISO 8601."""

from typing import Any, Required, TypedDict


class Share(TypedDict):
    """The delivery of a notification by one channel."""

    message_id: str
    attempts: int
    next_at: str
    sent_at: str | None
    error: str | None
    is_failed: bool


class Notice(TypedDict):
    """A notification that is delivered without the outbox. payload: as `dump_notification` writes it."""

    number: int
    at: str
    payload: dict[str, Any]
    channels: dict[str, Share]


class Remembered(TypedDict, total=False):
    """What outlives an outage, and what counts towards one. missed: cycles in a row without evaluation."""

    last_told_at: str | None
    muted_until: str | None
    ended_at: str
    missed: int
    first_missed_at: str


class OutageStart(TypedDict, total=False):
    """What is remembered from the start of an outage. code: the reason as in the checks."""

    code: str
    value: float


class OutageRecord(Remembered, OutageStart, total=False):
    """An outage that is not over."""

    since: Required[str]
    reason: Required[str]
    notices: Required[list[Notice]]
