"""Turns messages into occurrences: parsed, checked, sorted by kind, grouped; an unreadable message is poison, with its reason."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from callwatch.db import compute_day_window
from callwatch.db.archive_queries.payload_objects import Place
from callwatch.events.event_summary import summarize_event
from callwatch.garbage import pause_garbage_collector
from callwatch.times import parse_time

# The format of callwatch.events.event: the event comes last, and no text before it can contain this mark, because quotes inside
# a JSON text are escaped.
_EVENT_MARK = ',"event":{'
_SEVERITIES = frozenset({"low", "medium", "high", "critical"})
_EVENT_ID = re.compile(r"[0-9a-f]{32}")
_OPTIONAL_TEXTS = ("category", "type", "endpoint", "release", "service", "user_hash", "sqlstate", "level")
# Next to errors, the names of the lists of a batch.
_KINDS = ("error", "requests", "refusals", "check_ins", "model_calls", "access", "ingest_report", "external_alerts")
_MAX_PROJECT_ID = 2**31 - 1


class PoisonMessage(Exception):
    """A message that no retry can digest; the text is the reason."""


@dataclass(slots=True)
class Occurrence:
    """One error as it will be stored.

    key: day, project, environment, event id (32 hex digits). head: made by callwatch.events.event_summary. hour, minute: those
    under which it is counted. resolved_text: the event with its stack resolved by source maps. minified_key: the group key that
    it had before. place: where its payload lies outside of PostgreSQL.
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
    resolved_text: str | None = None
    place: Place | None = None
    minified_key: tuple[int, str, str] | None = None

    @property
    def category(self) -> str:
        """Its category; "unknown" is one of them."""
        return self.head.get("category") or "unknown"

    @property
    def level(self) -> str:
        """Its level; what came without one is an error."""
        return self.head.get("level") or "error"

    @property
    def group_key(self) -> tuple[int, str, str]:
        """Project, environment and fingerprint."""
        return self.key[1], self.key[2], self.head["fingerprint"]

    @property
    def event_text(self) -> str:
        """The event as text, the end of its message: serializing it again would cost as much as parsing it."""
        if self.resolved_text is not None:
            return self.resolved_text
        marker = self.body.find(_EVENT_MARK)
        if marker >= 0 and self.body.endswith("}}"):
            return self.body[marker + len(_EVENT_MARK) - 1 : -1]
        return json.dumps(json.loads(self.body)["event"], ensure_ascii=False, separators=(",", ":"))


@dataclass(slots=True)
class Batch:
    """The contents of a batch of messages; poison: (body, reason), errors apart everything else: (body, message)."""

    errors: list[Occurrence] = field(default_factory=list)
    requests: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    refusals: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    check_ins: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    model_calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    access: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    ingest_report: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    external_alerts: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    poison: list[tuple[str, str]] = field(default_factory=list)


def read(bodies: Sequence[str], now: datetime) -> Batch:
    """Read a batch; an unreadable message is listed under poison and does not block the others."""
    batch = Batch()
    with pause_garbage_collector():
        for body in bodies:
            try:
                message = _parse_message(body)
                if message["kind"] == "error":
                    batch.errors.append(_parse_occurrence(message, body, now))
                else:
                    getattr(batch, message["kind"]).append((body, message))
            except PoisonMessage as poison:
                batch.poison.append((body, str(poison)))
    return batch


def read_time_field(text: Any) -> datetime:
    """An ISO 8601 time with its zone as aware UTC. Raises ValueError."""
    return parse_time(str(text), is_zoned=True)


def _parse_message(body: str) -> dict[str, Any]:
    try:
        message = _parse(body)
    except (ValueError, RecursionError):
        raise PoisonMessage("not JSON") from None
    if not isinstance(message, dict) or message.get("v") != 1:
        version = message.get("v") if isinstance(message, dict) else None
        raise PoisonMessage(f"unknown message version {version!r}"[:200])
    if message.get("kind") not in _KINDS:
        raise PoisonMessage(f"unknown kind {message.get('kind')!r}"[:200])
    project_id = message.get("project_id")
    if not isinstance(project_id, int) or isinstance(project_id, bool) or not 0 <= project_id <= _MAX_PROJECT_ID:
        raise PoisonMessage("project_id is missing or is not a project number")
    return message


def _parse(body: str) -> Any:
    """The message; if it has a summary, without its event, whose JSON PostgreSQL checks on insert."""
    marker = body.find(_EVENT_MARK)
    if marker >= 0 and body.endswith("}}"):
        message = json.loads(body[:marker] + "}")
        if isinstance(message, dict) and (message.get("summary") or message.get("head")):
            return message
    return json.loads(body)


def _parse_occurrence(message: dict[str, Any], body: str, now: datetime) -> Occurrence:
    try:
        head = _read_head(message, body)
        occurred_at = read_time_field(head["occurred_at"])
        received_at = read_time_field(message["received_at"])
        environment = message["environment"]
        if not isinstance(environment, str) or not environment:
            raise ValueError("environment is not a text")
        first, last = compute_day_window(now)
        day = max(first, min(occurred_at.date(), last))
    except PoisonMessage:
        raise
    except Exception as error:
        # Whatever an event of another version or sender holds, it must not stop the others.
        raise PoisonMessage(f"{type(error).__name__}: {error}"[:300]) from None
    key = (day, message["project_id"], environment[:100], head["event_id"])
    # A clock that runs ahead: an occurrence under a future hour would stay within "the last hour", and be the latest, until
    # that hour is over. The day stays that of its own time: if it is sent again, it is the same event.
    happened_at = min(occurred_at, received_at)
    minute = happened_at.replace(second=0, microsecond=0)
    return Occurrence(key, head, happened_at, received_at, minute.replace(minute=0), minute, body)


def _read_head(message: dict[str, Any], body: str) -> dict[str, Any]:
    """The message's summary; built from its event if there is no usable one. "head" is its name up to release 0.1."""
    given = message.get("summary") or message.get("head")
    if isinstance(given, dict) and _is_sound(given):
        return given
    event = message["event"] if "event" in message else json.loads(body).get("event")
    if not isinstance(event, dict):
        raise PoisonMessage("event is missing")
    head = summarize_event(event)
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
        and all(isinstance(head.get(name, []), list) for name in ("places", "causes", "ids"))
        and all(head.get(name) is None or isinstance(head[name], str) for name in _OPTIONAL_TEXTS)
    )
