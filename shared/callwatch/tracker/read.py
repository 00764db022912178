"""From messages to occurrences: read, checked, told apart, grouped; what cannot be read is poison, with its reason."""

import gc
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from callwatch.db import day_window
from callwatch.tracker.head import head_of

# How callwatch.tracker.event writes a message: the event comes last, and no text before it can hold this mark, since the
# quotes inside of a JSON text are escaped.
_EVENT_MARK = ',"event":{'
_SEVERITIES = frozenset({"low", "medium", "high", "critical"})
_EVENT_ID = re.compile(r"[0-9a-f]{32}")
_OPTIONAL_TEXTS = ("category", "type", "endpoint", "release", "service", "user_hash", "sqlstate")
_LARGEST_PROJECT = 2**31 - 1


class PoisonMessage(Exception):
    """A message that no retry can digest; the text is its reason."""


@dataclass(slots=True)
class Occurrence:
    """One error as it will be stored.

    key: day, project, environment, event id (32 hex digits). head: as callwatch.tracker.head makes it. hour, minute: under
    which it is counted.
    """

    key: tuple[date, int, str, str]
    head: dict[str, Any]
    occurred_at: datetime
    received_at: datetime
    hour: datetime
    minute: datetime
    body: str
    group_id: int = 0
    has_payload: bool = True

    @property
    def category(self) -> str:
        """Its category; unknown is one."""
        return self.head.get("category") or "unknown"

    @property
    def event_text(self) -> str:
        """The event as it stands in its message, which ends with it: writing it out anew would cost as much as reading it."""
        marker = self.body.find(_EVENT_MARK)
        if marker >= 0 and self.body.endswith("}}"):
            return self.body[marker + len(_EVENT_MARK) - 1 : -1]
        return json.dumps(json.loads(self.body)["event"], ensure_ascii=False, separators=(",", ":"))


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
        message = _parse(body)
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


def _parse(body: str) -> Any:
    """The message; where it has a head, without its event, whose JSON PostgreSQL checks when it takes it."""
    marker = body.find(_EVENT_MARK)
    if marker >= 0 and body.endswith("}}"):
        message = json.loads(body[:marker] + "}")
        if isinstance(message, dict) and message.get("head"):
            return message
    return json.loads(body)


def _occurrence(message: dict[str, Any], body: str, now: datetime) -> Occurrence:
    try:
        head = _head(message, body)
        occurred_at = time_of(head["occurred_at"])
        received_at = time_of(message["received_at"])
        environment = message["environment"]
        if not isinstance(environment, str) or not environment:
            raise ValueError("environment is no text")
        first, last = day_window(now)
        day = max(first, min(occurred_at.date(), last))
    except PoisonMessage:
        raise
    except Exception as error:
        # Whatever an event of another version or sender holds: it must not stop those beside it.
        raise PoisonMessage(f"{type(error).__name__}: {error}"[:300]) from None
    key = (day, message["project_id"], environment[:100], head["event_id"])
    # A clock that runs ahead: under an hour to come it would stay within "the last hour", and be the latest, until that is over.
    # The day stays that of its own time: sent once more, it is the same event.
    happened_at = min(occurred_at, received_at)
    minute = happened_at.replace(second=0, microsecond=0)
    return Occurrence(key, head, happened_at, received_at, minute.replace(minute=0), minute, body)


def _head(message: dict[str, Any], body: str) -> dict[str, Any]:
    """The message's head; made anew of its event where it has none that can be used."""
    given = message.get("head")
    if isinstance(given, dict) and _is_sound(given):
        return given
    event = message["event"] if "event" in message else json.loads(body).get("event")
    if not isinstance(event, dict):
        raise PoisonMessage("event is missing")
    head = head_of(event)
    if not _is_sound(head):
        raise ValueError("event_id, severity or another field of the event is not valid")
    return head


def _is_sound(head: dict[str, Any]) -> bool:
    texts = ("event_id", "occurred_at", "message", "title", "fingerprint")
    return (
        all(isinstance(head.get(name), str) for name in texts)
        and _EVENT_ID.fullmatch(head["event_id"]) is not None
        and isinstance(head.get("severity"), str)
        and head["severity"] in _SEVERITIES
        and isinstance(head.get("tags", []), list)
        and all(head.get(name) is None or isinstance(head[name], str) for name in _OPTIONAL_TEXTS)
    )
