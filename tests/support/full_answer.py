"""A response with a value in every field of its shape, so that no figure is missing from what is made of it."""

from datetime import UTC, datetime
from types import NoneType, UnionType
from typing import Any, Literal, NotRequired, Required, Union, get_args, get_origin, get_type_hints, is_typeddict

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
_PLAIN: dict[Any, Any] = {int: 3, float: 0.5, bool: True, str: "text", datetime: AT, Any: None, object: None}


def fill(shape: Any) -> Any:
    """A value of a shape: lists and objects with one entry, the first of alternatives."""
    if is_typeddict(shape):
        # What is unknown says so instead of a value, and here every value is known.
        return {name: fill(hint) for name, hint in get_type_hints(shape).items() if name != "unknown"}
    origin, given = get_origin(shape), get_args(shape)
    if origin in (Union, UnionType, Required, NotRequired):
        return fill(next(part for part in given if part is not NoneType))
    if origin is Literal:
        return given[0]
    if origin is list:
        return [fill(given[0])]
    if origin is dict:
        return {"key": fill(given[1])}
    return _PLAIN[shape]
