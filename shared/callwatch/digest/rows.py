"""An occurrence as a row of `error_logs`."""

from typing import Any

from callwatch.digest.message_parser import Occurrence
from callwatch.payloads.lines import MESSAGE_ELSEWHERE

COLUMNS = [
    "day",
    "project_id",
    "environment",
    "event_id",
    "group_id",
    "occurred_at",
    "received_at",
    "severity",
    "category",
    "type",
    "message",
    "endpoint",
    "release",
    "service",
    "user_hash",
    "payload",
    "payload_object",
    "payload_start",
    "payload_bytes",
]
KEY = ("day", "project_id", "environment", "event_id")
# Enough to find the occurrences of a user: the object has the whole hash.
USER_HEAD_CHARACTERS = 12


def build_row(occurrence: Occurrence) -> tuple[Any, ...]:
    """The values of COLUMNS. What stands in an object next to the payload, the row leaves out."""
    head, place = occurrence.head, occurrence.place
    fields = (
        *occurrence.key,
        occurrence.group_id,
        occurrence.occurred_at.isoformat(),
        occurrence.received_at.isoformat(),
        head["severity"],
        occurrence.category,
    )
    if place is not None:
        # Critical errors are listed by their messages.
        message = head["message"] if head["severity"] == "critical" else MESSAGE_ELSEWHERE
        user = head.get("user_hash")
        described: tuple[Any, ...] = (None, message, None, None, None, user and user[:USER_HEAD_CHARACTERS])
        return (*fields, *described, None, place.object_id, place.start, place.size)
    described = (head.get("type"), head["message"], head.get("endpoint"), head.get("release"), head.get("service"))
    payload = occurrence.event_text if occurrence.has_payload else None
    return (*fields, *described, head.get("user_hash"), payload, None, None, None)


def build_text_key(occurrence: Occurrence) -> tuple[str, ...]:
    """The values of KEY as PostgreSQL returns them as texts."""
    day, project_id, environment, event_id = occurrence.key
    dashed = f"{event_id[:8]}-{event_id[8:12]}-{event_id[12:16]}-{event_id[16:20]}-{event_id[20:]}"
    return day.isoformat(), str(project_id), environment, dashed
