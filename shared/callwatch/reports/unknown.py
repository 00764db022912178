"""Nulls with their reasons: every figure that is not known is listed by its dotted path."""

from typing import Any


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
