"""Checks that a response keeps the API contract: its full shape, a reason for each null, times in UTC with Z."""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any, get_args

from callwatch.api.routes import ROUTES
from callwatch.models.reason import UnknownCode
from tests.support.api_shapes import check_encoded
from tools.openapi import find_shapes

CODES = frozenset(get_args(UnknownCode))
# Fields that may be null without a reason.
UNLISTED = frozenset({"reason", "resolved_at", "end_reason", "acknowledged_by", "suppressed_by", "next_cursor"})
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d.*")


def find_route(method: str, path: str) -> str:
    """Return the name of a route in the table."""
    return next(name for name, route in ROUTES.items() if (route.method, route.path) == (method, path))


def check_response(method: str, path: str, body: Any) -> None:
    """Fail if a body does not match its route's shape, or does not explain a null."""
    _body, answer = find_shapes()[find_route(method, path)]
    check_encoded(answer, body)
    check_nulls(body)
    for path, text in _texts(body, ""):
        if _TIME.fullmatch(text):
            assert text.endswith("Z"), f"{path}: {text}"
            assert datetime.fromisoformat(text).tzinfo is not None


def check_nulls(body: dict[str, Any]) -> None:
    """Fail if a null has no reason in `unknown`, or a reason refers to a known value.

    A part with its own `unknown` is checked against that, too.
    """
    nulls, reasons = set(_nulls(body, "")), body.get("unknown", {})
    listed = set(reasons)
    assert nulls == listed, f"null without a reason: {sorted(nulls - listed)}; a reason without null: {sorted(listed - nulls)}"
    assert all(set(reason) == {"code", "message"} and reason["message"] for reason in reasons.values())
    assert {reason["code"] for reason in reasons.values()} <= CODES


def _nulls(value: Any, path: str) -> Iterator[str]:
    if value is None:
        yield path.removeprefix(".")
    elif isinstance(value, dict):
        # An error category has that name, too.
        if path and isinstance(value.get("unknown"), dict):
            check_nulls(value)
        for name, item in value.items():
            if name not in UNLISTED and name != "context":
                yield from _nulls(item, f"{path}.{name}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _nulls(item, f"{path}.{index}")


def _texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _texts(item, f"{path}.{name}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts(item, f"{path}.{index}")
