"""From messages to occurrences: read, checked, told apart, grouped; what cannot be read is poison, with its reason."""

import gc
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from callwatch.db import day_window
from callwatch.tracker.group import fingerprint_of

# How callwatch.tracker.event writes a message: the event comes last, and no field before it can hold this text.
_EVENT_MARK = ',"event":'
_SEVERITIES = frozenset({"low", "medium", "high", "critical"})
_EVENT_ID = re.compile(r"[0-9a-f]{32}")
_LARGEST_PROJECT = 2**31 - 1
_MOST_TAGS = 50


class PoisonMessage(Exception):
    """A message that no retry can digest; the text is its reason."""


@dataclass(slots=True)
class Occurrence:
    """One error as it will be stored; key: day, project, environment, event id (32 hex digits)."""

    key: tuple[date, int, str, str]
    fingerprint: str
    occurred_at: datetime
    received_at: datetime
    event: dict[str, Any]
    body: str
    group_id: int = 0
    has_payload: bool = True

    @property
    def hour(self) -> datetime:
        """The hour under which it is counted."""
        return self.occurred_at.replace(minute=0, second=0, microsecond=0)

    @property
    def minute(self) -> datetime:
        """The minute under which it is counted."""
        return self.occurred_at.replace(second=0, microsecond=0)

    @property
    def category(self) -> str:
        """Its category; unknown is one."""
        return self.text("category", 50) or "unknown"

    @property
    def tags(self) -> list[str]:
        """Its tags as "key:value"."""
        tags = self.event.get("tags")
        pairs = list(tags.items())[:_MOST_TAGS] if isinstance(tags, dict) else []
        return [f"{key}:{value}"[:300] for key, value in pairs]

    @property
    def event_text(self) -> str:
        """The event as it stands in its message, which ends with it: writing it out anew would cost as much as reading it."""
        marker = self.body.find(_EVENT_MARK)
        if marker >= 0 and self.body.endswith("}}"):
            return self.body[marker + len(_EVENT_MARK) : -1]
        return json.dumps(self.event, ensure_ascii=False, separators=(",", ":"))

    def text(self, name: str, limit: int) -> str | None:
        """A field of the event as a text of at most `limit` characters."""
        value = self.event.get(name)
        return None if value is None or value == "" else str(value)[:limit]


@dataclass(slots=True)
class Batch:
    """What stands in a batch of messages; requests: (body, message), poison: (body, reason)."""

    errors: list[Occurrence] = field(default_factory=list)
    requests: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    poison: list[tuple[str, str]] = field(default_factory=list)


def read(bodies: Sequence[str], now: datetime) -> Batch:
    """Read a batch; a message that cannot be read stands under poison and holds no other up."""
    batch = Batch()
    # Thousands of small objects are made and none is garbage: looking for it would take a fifth of the time.
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        for body in bodies:
            try:
                message = _message(body)
                if message["kind"] == "error":
                    batch.errors.append(_occurrence(message, body, now))
                else:
                    batch.requests.append((body, message))
            except PoisonMessage as poison:
                batch.poison.append((body, str(poison)))
    finally:
        if was_enabled:
            gc.enable()
    return batch


def time_of(text: Any) -> datetime:
    """An ISO 8601 time with its zone as aware UTC. Raises ValueError, OverflowError."""
    when = datetime.fromisoformat(str(text))
    if when.tzinfo is None:
        raise ValueError("a time without its zone")
    return when.astimezone(UTC)


def _message(body: str) -> dict[str, Any]:
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        raise PoisonMessage("not JSON") from None
    if not isinstance(message, dict) or message.get("v") != 1:
        version = message.get("v") if isinstance(message, dict) else None
        raise PoisonMessage(f"unknown message version {version!r}"[:200])
    if message.get("kind") not in ("error", "requests"):
        raise PoisonMessage(f"unknown kind {message.get('kind')!r}"[:200])
    project_id = message.get("project_id")
    if not isinstance(project_id, int) or isinstance(project_id, bool) or not 0 <= project_id <= _LARGEST_PROJECT:
        raise PoisonMessage("project_id is missing or no project's number")
    return message


def _occurrence(message: dict[str, Any], body: str, now: datetime) -> Occurrence:
    event = message.get("event")
    if not isinstance(event, dict):
        raise PoisonMessage("event is missing")
    try:
        occurred_at = time_of(event["occurred_at"])
        received_at = time_of(message["received_at"])
        event_id = str(event["event_id"]).lower()
        if not _EVENT_ID.fullmatch(event_id):
            raise ValueError("event_id takes 32 hex digits")
        if event["severity"] not in _SEVERITIES or not isinstance(event["message"], str):
            raise ValueError("severity or message is not valid")
        environment = str(message.get("environment") or event["environment"])[:100]
        first, last = day_window(now)
        day = max(first, min(occurred_at.date(), last))
        fingerprint = fingerprint_of(event)
    except Exception as error:
        # Whatever an event of another version or sender holds: it must not stop those beside it.
        raise PoisonMessage(f"{type(error).__name__}: {error}"[:300]) from None
    return Occurrence((day, message["project_id"], environment, event_id), fingerprint, occurred_at, received_at, event, body)
