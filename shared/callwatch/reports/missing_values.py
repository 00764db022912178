"""Nulls with their reasons: every unknown value is listed by its dotted path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, TypeVar

from callwatch.models.reason import NOT_MEASURED, Reason

if TYPE_CHECKING:
    from callwatch.models.shapes.process import Memory

T = TypeVar("T")

# Null by nature, or not listed by contract.
_UNLISTED = frozenset({"reason", "resolved_at", "end_reason", "acknowledged_by", "suppressed_by", "next_cursor", "context"})
_WHY: Mapping[str, Reason] = {
    "type": Reason("none", "no type was given"),
    "release": Reason("none", "no release was given"),
    "service": Reason("none", "no single service is named"),
    "value": Reason("unavailable", "no value was measured"),
    "threshold": Reason("none", "it has no threshold"),
    "unit": Reason("not_recorded", "the alert is older than the recording of units"),
    "comparison": Reason("not_recorded", "the alert is older than the recording of comparisons"),
    "last_error": Reason("none", "no attempt failed"),
    "sent_at": Reason("none", "it is not sent yet"),
    "ignored_until": Reason("none", "it is not ignored until a time"),
    "endpoint": Reason("none", "no endpoint was given"),
    "users": Reason("not_recorded", "no occurrence named a user"),
    "owner": Reason("none", "nobody has taken it"),
    "owned_at": Reason("none", "nobody has taken it"),
    "silenced_until": Reason("none", "no silence mutes it"),
    "silenced_by": Reason("none", "no silence mutes it"),
    "merged_into": Reason("none", "it is no part of another incident"),
    "incident_id": Reason("not_recorded", "the next evaluation assigns it to an incident"),
    "level": Reason("not_recorded", "the group was not seen since levels are recorded"),
}

_THERE_IS_NONE = Reason("none", "there is none")


class Unknown:
    """Collects reasons while a response is built."""

    def __init__(self) -> None:
        self.reasons: dict[str, Reason] = {}

    def say(self, path: str, value: T, reason: Reason | None) -> T:
        """Return the value unchanged; if it is None, record the reason under its path."""
        if value is None:
            self.reasons[path] = reason or Reason("unavailable", "no value is known")
        return value


def describe_memory(memory: Memory, path: str, unknown: Unknown) -> Memory:
    """Return the memory of a process, with a reason for what could not be measured."""
    return {
        "used_mb": unknown.say(f"{path}.used_mb", memory["used_mb"], NOT_MEASURED),
        "total_mb": unknown.say(f"{path}.total_mb", memory["total_mb"], NOT_MEASURED),
        "percent": unknown.say(f"{path}.percent", memory["percent"], NOT_MEASURED),
    }


def explain_nulls(answer: Mapping[str, object]) -> dict[str, Reason]:
    """Return `unknown` for a response made of stored rows: a null without a reason of its own means that there is none."""
    return {path: _WHY.get(path.rpartition(".")[2], _THERE_IS_NONE) for path in _find_nulls(answer, "")}


def _find_nulls(value: object, path: str) -> Iterator[str]:
    if value is None:
        yield path.removeprefix(".")
    elif isinstance(value, Mapping):
        for name, item in value.items():
            if name not in _UNLISTED:
                yield from _find_nulls(item, f"{path}.{name}")
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from _find_nulls(item, f"{path}.{index}")
