"""Nulls with their reasons: every figure that is not known is listed by its dotted path."""

from collections.abc import Iterator, Mapping
from typing import Any

# Null by nature, or not ours to explain.
_UNLISTED = frozenset({"reason", "resolved_at", "acknowledged_by", "suppressed_by", "next_cursor", "context"})
_WHY = {
    "type": "no type was given",
    "release": "no release was given",
    "service": "it is of no one service",
    "value": "nothing was measured",
    "threshold": "there is no threshold",
    "last_error": "nothing failed",
    "sent_at": "it was not sent yet",
    "ignored_until": "it is not ignored until a time",
    "endpoint": "no endpoint was given",
}


class Unknown:
    """Collects reasons while an answer is built."""

    def __init__(self) -> None:
        self.reasons: dict[str, str] = {}

    def say(self, path: str, value: Any, reason: str | None) -> Any:
        """The value as it is; where it is None the reason is noted under its path."""
        if value is None:
            self.reasons[path] = reason or "not known"
        return value

    def all_below(self, path: str, names: tuple[str, ...], reason: str) -> dict[str, None]:
        """A part of an answer in which nothing is known."""
        for name in names:
            self.reasons[f"{path}.{name}"] = reason
        return dict.fromkeys(names)


def explained(answer: dict[str, Any], reasons: Mapping[str, str] | None = None) -> dict[str, Any]:
    """An answer made of stored rows, with `unknown`: a null without a reason of its own means that there is none."""
    found = {path: _WHY.get(path.rpartition(".")[2], "there is none") for path in _nulls(answer, "")}
    return {**answer, "unknown": {**found, **(reasons or {})}}


def _nulls(value: Any, path: str) -> Iterator[str]:
    if value is None:
        yield path.removeprefix(".")
    elif isinstance(value, Mapping):
        for name, item in value.items():
            if name not in _UNLISTED:
                yield from _nulls(item, f"{path}.{name}")
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from _nulls(item, f"{path}.{index}")
