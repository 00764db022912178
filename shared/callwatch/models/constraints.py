"""What a field of a request may hold, next to its type: readers check it, and the API document shows it.

A constraint is metadata of `Annotated`. It knows its JSON Schema through the hook that pydantic looks for, without an import
of pydantic. These are plain classes, because ingest imports them and each dataclass costs a start half a millisecond.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, get_args

# The part of a JSON Schema that pydantic hands to a hook, and gets back.
JsonSchema = dict[str, Any]
Constraint = TypeVar("Constraint")


class Text:
    """A text of min_chars to max_chars characters. pattern: a JSON Schema pattern that it matches somewhere."""

    __slots__ = ("max_chars", "min_chars", "pattern")

    def __init__(self, max_chars: int | None = None, min_chars: int | None = None, pattern: str | None = None) -> None:
        self.max_chars = max_chars
        self.min_chars = min_chars
        self.pattern = pattern

    def __get_pydantic_json_schema__(self, core: Any, render: Callable[[Any], JsonSchema]) -> JsonSchema:
        """Add the constraint to the schema of the type."""
        given = {"maxLength": self.max_chars, "minLength": self.min_chars, "pattern": self.pattern}
        return {**render(core), **_leave_out_none(given)}


class About:
    """The description of a field in the API document."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __get_pydantic_json_schema__(self, core: Any, render: Callable[[Any], JsonSchema]) -> JsonSchema:
        """Add the description to the schema of the type."""
        return {**render(core), "description": self.text}


class Number:
    """A number from `least` to `most`."""

    __slots__ = ("least", "most")

    def __init__(self, least: float, most: float | None = None) -> None:
        self.least = least
        self.most = most

    def holds(self, value: float) -> bool:
        """Whether a number is in the range; NaN is in none."""
        return self.least <= value and (self.most is None or value <= self.most)

    def __get_pydantic_json_schema__(self, core: Any, render: Callable[[Any], JsonSchema]) -> JsonSchema:
        """Add the constraint to the schema of the type."""
        return {**render(core), **_leave_out_none({"minimum": self.least, "maximum": self.most})}


class Entries:
    """An object of at most `most` entries."""

    __slots__ = ("most",)

    def __init__(self, most: int) -> None:
        self.most = most

    def __get_pydantic_json_schema__(self, core: Any, render: Callable[[Any], JsonSchema]) -> JsonSchema:
        """Add the constraint to the schema of the type."""
        return {**render(core), "maxProperties": self.most}


class Items:
    """A list of `least` to `most` items."""

    __slots__ = ("least", "most")

    def __init__(self, least: int, most: int) -> None:
        self.least = least
        self.most = most

    def __get_pydantic_json_schema__(self, core: Any, render: Callable[[Any], JsonSchema]) -> JsonSchema:
        """Add the constraint to the schema of the type."""
        return {**render(core), "minItems": self.least, "maxItems": self.most}


def find_max_chars(shape: type) -> dict[str, int]:
    """The longest text that each field of a shape with a limit may hold."""
    texts = {name: _find(annotation, Text) for name, annotation in shape.__annotations__.items()}
    return {name: text.max_chars for name, text in texts.items() if text is not None and text.max_chars is not None}


def find_range(shape: type, name: str) -> Number:
    """The numbers that a field of a shape may hold. Raises KeyError for a field without such a constraint."""
    number = _find(shape.__annotations__[name], Number)
    if number is None:
        raise KeyError(name)
    return number


def find_max_entries(shape: type, name: str) -> int:
    """How many entries a field of a shape may hold. Raises KeyError for a field without such a constraint."""
    entries = _find(shape.__annotations__[name], Entries)
    if entries is None:
        raise KeyError(name)
    return entries.most


def _find(annotation: object, kind: type[Constraint]) -> Constraint | None:
    """The first constraint of a kind in an annotation such as `Annotated[str, Text(300)] | None`, from outside to inside."""
    if isinstance(annotation, kind):
        return annotation
    return next((found for part in get_args(annotation) if (found := _find(part, kind)) is not None), None)


def _leave_out_none(given: Mapping[str, Any]) -> JsonSchema:
    return {name: value for name, value in given.items() if value is not None}
