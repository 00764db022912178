"""One error group as the API shows it."""

from datetime import datetime
from typing import Any

from callwatch.models.api import Answer, ErrorGroup, Known, Severity


class GroupEvent(Answer):
    """Who did what to a group, and why; "callwatch" is the actor of what happens by itself."""

    at: datetime
    actor: str
    action: str
    reason: str | None


class GroupRelease(Answer):
    """A release in which the group occurred."""

    release: str
    count: int
    first_seen_at: datetime
    last_seen_at: datetime


class Occurrence(Answer):
    """One captured error, scrubbed. is_sampled: it was counted, and what it carried was not kept."""

    event_id: str
    occurred_at: datetime
    received_at: datetime
    severity: Severity
    type: str | None
    message: str
    endpoint: str | None
    release: str | None
    service: str | None
    is_sampled: bool
    frames: list[Any] | None
    exceptions: list[Any] | None
    stack: Any
    context: Any
    breadcrumbs: list[Any] | None
    tags: Any
    request: Any
    user_hash: str | None
    sdk: Any
    scrubbed: list[str] | None
    trimmed: list[str] | None
    mended: list[str] | None


class ErrorGroupState(ErrorGroup, Known):
    """POST /api/errors/{id}/{action}: the group as it is now."""

    endpoint: str | None
    resolved_in_release: str | None
    ignored_until: datetime | None
    first_release: str | None
    history: list[GroupEvent]


class ErrorGroupDetail(ErrorGroupState):
    """GET /api/errors/{id}: with the latest occurrences."""

    releases: list[GroupRelease]
    tags: list[str]
    occurrences: list[Occurrence]
