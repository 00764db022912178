"""The arguments of tools: their JSON Schema, and the check of what a caller gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from callwatch.api.filters import is_storable
from callwatch.exceptions import Invalid
from callwatch.times import parse_time

Kind = Literal["text", "choice", "number", "time"]
_MAX_SHOWN_CHOICES = 20


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument. most: characters of a text, or the highest number."""

    kind: Kind
    description: str
    choices: Sequence[str] = ()
    least: int = 1
    most: int = 300
    default: int | str | None = None
    is_required: bool = False

    def describe(self) -> dict[str, Any]:
        """Return the argument's JSON Schema."""
        found: dict[str, Any] = {"type": "integer" if self.kind == "number" else "string", "description": self.description}
        if self.kind == "choice":
            found["enum"] = list(self.choices)
        elif self.kind == "number":
            found |= {"minimum": self.least, "maximum": self.most}
        elif self.kind == "time":
            found["format"] = "date-time"
        else:
            found |= {"minLength": self.least, "maxLength": self.most}
        return found if self.default is None else {**found, "default": self.default}

    def check(self, name: str, value: Any) -> Any:
        """Return the value as the tool uses it: a time is aware UTC. Raises Invalid."""
        if self.kind == "number":
            return _check_number(name, value, self.least, self.most)
        if not isinstance(value, str) or not self.least <= len(value) <= self.most or not is_storable(value) or not value.strip():
            raise Invalid(name, f"must be a text of {self.least} to {self.most:,} characters, more than blanks")
        if self.kind == "choice" and value not in self.choices:
            raise Invalid(name, f"must be one of {', '.join(self.choices[:_MAX_SHOWN_CHOICES])}")
        if self.kind != "time":
            return value
        try:
            return parse_time(value, is_clamped=True)
        except ValueError:
            raise Invalid(name, "must be an ISO 8601 time such as 2026-01-31T12:00:00Z") from None


def check_arguments(declared: Mapping[str, Argument], given: Any) -> dict[str, Any]:
    """Return every declared argument: as given, as its default, or None. Raises Invalid.

    A null counts as left out, as models often send it.
    """
    if given is None:
        given = {}
    if not isinstance(given, dict):
        raise Invalid("arguments", "must be an object")
    unknown = next((name for name in given if name not in declared), None)
    if unknown is not None:
        known = ", ".join(declared) or "none"
        raise Invalid("arguments", f"has a field that the tool does not take; it takes: {known}")
    missing = next((name for name, each in declared.items() if each.is_required and given.get(name) is None), None)
    if missing is not None:
        raise Invalid(missing, f"must be given: {declared[missing].description}")
    return {
        name: argument.default if given.get(name) is None else argument.check(name, given[name])
        for name, argument in declared.items()
    }


def _check_number(name: str, value: Any, least: int, most: int) -> int:
    # JSON does not distinguish 5 and 5.0.
    is_whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    if not is_whole or isinstance(value, bool) or not least <= value <= most:
        raise Invalid(name, f"must be a whole number from {least} to {most}")
    return int(value)
