"""Reads the lines of a `log` item: errors and fatal ones become events, all others are counted by level and minute."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from callwatch.events.event import clamp
from callwatch.ingest.routes import clean_text
from callwatch.ingest.sentry.clock import read_time
from callwatch.ingest.sentry.convert import convert
from callwatch.models.telemetry import LogLevel

# SDKs send batches of 100 and hold at most 1,000 lines.
MAX_LINES = 1_000
# Errors of one envelope that become events; more of them are lines.
MAX_ERRORS = 100
_MAX_ATTRIBUTES = 100
_LEVELS: dict[str, LogLevel] = {
    "trace": "trace", "debug": "debug", "info": "info", "log": "info", "warn": "warning", "warning": "warning",
    "error": "error", "err": "error", "fatal": "fatal", "critical": "fatal",
}  # fmt: skip
# By OpenTelemetry's numbers, of which each level has four.
_BY_NUMBER: tuple[LogLevel, ...] = ("trace", "debug", "info", "warning", "error", "fatal")
# The SDK for Python sends what these loggers write at level error as an event, too.
_SENT_AS_EVENTS = frozenset({"auto.log.stdlib", "auto.log.loguru", "auto.logger.loguru"})
_PARAMETER, _TEMPLATE = "sentry.message.parameter.", "sentry.message.template"
_NAMED = ("sentry.", "server.address", "user.", "logger.name")

# Minute, environment, level.
LineKey = tuple[datetime, str, LogLevel]


@dataclass(slots=True)
class LogLines:
    """events: converted, as `convert` does. lines: the counts of all others. excess: lines that were not read."""

    events: list[dict[str, Any]] = field(default_factory=list)
    lines: Counter[LineKey] = field(default_factory=Counter)
    excess: int = 0

    @property
    def count(self) -> int:
        """How many lines were accepted."""
        return len(self.events) + self.lines.total()


def read_logs(payload: Any, user_key: str, now: datetime, room: int = MAX_ERRORS) -> LogLines | None:
    """The lines of a container, or of one line alone; None if it is neither. room: how many may become events."""
    held = payload.get("items") if isinstance(payload, dict) else None
    if held is None and isinstance(payload, dict) and "body" in payload:
        held = [payload]
    if not isinstance(held, list):
        return None
    found = LogLines(excess=max(0, len(held) - MAX_LINES))
    for line in held[:MAX_LINES]:
        if isinstance(line, dict):
            _read_line(line, user_key, now, found, room)
    return found


def _read_line(line: Mapping[str, Any], user_key: str, now: datetime, found: LogLines, room: int) -> None:
    attributes = _read_attributes(line.get("attributes"))
    level = _read_level(line)
    is_event = level in ("error", "fatal") and attributes.get("sentry.origin") not in _SENT_AS_EVENTS
    if is_event and len(found.events) < room:
        found.events.append(convert(_build_event(line, attributes, level), user_key))
        return
    minute = min(clamp(read_time(line.get("timestamp")), now), now).replace(second=0, microsecond=0)
    found.lines[(minute, clean_text(attributes.get("sentry.environment"), 100) or "production", level)] += 1


def _build_event(line: Mapping[str, Any], attributes: Mapping[str, Any], level: LogLevel) -> dict[str, Any]:
    """The line as an event of Sentry's protocol, with an id that it has again when it is sent again."""
    body = line.get("body") if isinstance(line.get("body"), str) else str(line.get("body") or "")
    sequence = attributes.get("sentry.timestamp.sequence")
    identity = f"{line.get('trace_id')}:{line.get('timestamp')}:{sequence}:{level}:{body}"
    template = attributes.get(_TEMPLATE)
    params = {name.removeprefix(_PARAMETER): value for name, value in attributes.items() if name.startswith(_PARAMETER)}
    is_ordered = all(name.isdecimal() and len(name) < 4 for name in params)
    ordered = [params[name] for name in sorted(params, key=int)] if is_ordered else params
    user = {name: attributes.get(f"user.{name}") for name in ("id", "email", "name")}
    return {
        "event_id": hashlib.sha256(identity.encode("utf-8", "replace")).hexdigest()[:32],
        "timestamp": line.get("timestamp"),
        "level": level,
        "logger": attributes.get("logger.name"),
        "logentry": {"message": template or body, "params": ordered, "formatted": body} if template else {"message": body},
        "environment": attributes.get("sentry.environment"),
        "release": attributes.get("sentry.release"),
        "server_name": attributes.get("server.address"),
        "user": {"id": user["id"], "email": user["email"], "username": user["name"]},
        "contexts": {"trace": {"trace_id": line.get("trace_id"), "span_id": line.get("span_id")}},
        "extra": {name: value for name, value in attributes.items() if not name.startswith(_NAMED)},
        "sdk": {"name": attributes.get("sentry.sdk.name", "unknown"), "version": attributes.get("sentry.sdk.version", "")},
    }


def _read_level(line: Mapping[str, Any]) -> LogLevel:
    """The level of a line by its word, else by its number; "info" for one that says neither."""
    word = line.get("level")
    if isinstance(word, str) and word.lower() in _LEVELS:
        return _LEVELS[word.lower()]
    number = line.get("severity_number")
    is_number = isinstance(number, int) and not isinstance(number, bool) and 1 <= number <= 24
    return _BY_NUMBER[(number - 1) // 4] if is_number and isinstance(number, int) else "info"


def _read_attributes(value: Any) -> dict[str, Any]:
    pairs = list(value.items())[:_MAX_ATTRIBUTES] if isinstance(value, dict) else []
    return {str(name): held.get("value") if isinstance(held, dict) else held for name, held in pairs}
