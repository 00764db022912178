"""Limits the length of foreign fields, and remembers which of them were cut."""

from collections.abc import Sequence
from typing import Any

from callwatch.events.trim import cut_within
from callwatch.scrubbing.sanitize import render_json


class Cuts:
    """The names of the fields that were cut while an event is converted, each once."""

    def __init__(self) -> None:
        self._names: dict[str, None] = {}

    @property
    def names(self) -> list[str]:
        """The names, in order of the first cut."""
        return list(self._names)

    def note(self, name: str) -> None:
        """Record that something of this field was left out."""
        self._names[name] = None

    def limit_text(self, name: str, value: Any, limit: int) -> str | None:
        """A value as text of at most `limit` characters; None for nothing and for an empty text."""
        if value is None or value == "":
            return None
        text = value if isinstance(value, str) else render_foreign(value)
        if len(text) > limit:
            self.note(name)
        return text[:limit]

    def limit_prose(self, name: str, value: Any, limit: int) -> str | None:
        """The same, with a mark where it was cut, within the limit."""
        if value is None or value == "":
            return None
        text = value if isinstance(value, str) else render_foreign(value)
        if len(text) <= limit:
            return text
        self.note(name)
        return cut_within(text, limit)

    def keep_head(self, name: str, items: Sequence[Any], limit: int) -> Sequence[Any]:
        """The first items."""
        if len(items) > limit:
            self.note(name)
        return items[:limit]

    def keep_tail(self, name: str, items: Sequence[Any], limit: int) -> Sequence[Any]:
        """The last items."""
        if len(items) > limit:
            self.note(name)
        return items[-limit:]

    def keep_ends(self, name: str, items: list[Any], limit: int) -> list[Any]:
        """The first and the last items."""
        if len(items) <= limit:
            return items
        self.note(name)
        return [*items[: limit - limit // 2], *items[-(limit // 2) :]]


def render_foreign(value: Any) -> str:
    """A JSON value as text: objects and lists as JSON, as the page shows them."""
    if isinstance(value, (dict, list)):
        try:
            return render_json(value)
        except (ValueError, RecursionError):
            return "(not readable)"
    return str(value)
