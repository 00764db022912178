"""What every answer of the API keeps to: its model in full, a reason for each null, times in UTC with Z."""

import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from callwatch.models import api, api_alerts, openapi

# Null by nature.
UNLISTED = frozenset({"reason", "resolved_at", "acknowledged_by", "suppressed_by", "next_cursor"})
# Fields that an answer has only for some: of health without a token, and of a service that is no database.
OPTIONAL: dict[type[BaseModel], frozenset[str]] = {
    api.Health: frozenset({"uptime", "environment", "resources", "monitor"}),
    api.ServiceHealth: frozenset({"reason", "details"}),
    api.Connections: frozenset({"total", "max"}),
    api_alerts.Matchers: frozenset({"rule_id", "service", "labels"}),
}
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d.*")


def operation(method: str, path: str) -> openapi.Operation:
    """The row of the table of routes."""
    return next(o for o in openapi.OPERATIONS if (o.method, o.path) == (method.lower(), path))


def check_answer(method: str, path: str, body: Any) -> None:
    """Fails where a body is not exactly of its route's model, or says nothing of a null."""
    model = operation(method, path).answer
    assert model is not None, f"{method} {path} has no model"
    parsed = model.model_validate_json(json.dumps(body), strict=True)
    missing = list(_missing(parsed, ""))
    assert missing == [], f"fields of {model.__name__} that the answer lacks: {missing}"
    check_nulls(body)
    for path, text in _texts(body, ""):
        if _TIME.fullmatch(text):
            assert text.endswith("Z"), f"{path}: {text}"
            assert datetime.fromisoformat(text).tzinfo is not None


def check_nulls(body: dict[str, Any]) -> None:
    """Fails where a null has no reason in `unknown`, or a reason stands for something that is known.

    A part that has an `unknown` of its own is held to that too.
    """
    nulls, reasons = set(_nulls(body, "")), body.get("unknown", {})
    listed = set(reasons)
    assert nulls == listed, f"null without a reason: {sorted(nulls - listed)}; a reason without null: {sorted(listed - nulls)}"
    assert all(reason and isinstance(reason, str) for reason in reasons.values())


def _nulls(value: Any, path: str) -> Iterator[str]:
    if value is None:
        yield path.removeprefix(".")
    elif isinstance(value, dict):
        # A category of errors is named so, too.
        if path and isinstance(value.get("unknown"), dict):
            check_nulls(value)
        for name, item in value.items():
            if name not in UNLISTED and name != "context":
                yield from _nulls(item, f"{path}.{name}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _nulls(item, f"{path}.{index}")


def _missing(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, BaseModel):
        optional = OPTIONAL.get(type(value), frozenset())
        yield from (f"{path}.{name}" for name in set(type(value).model_fields) - value.model_fields_set - optional)
        for name in type(value).model_fields:
            yield from _missing(getattr(value, name), f"{path}.{name}")
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _missing(item, f"{path}.{name}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _missing(item, f"{path}.{index}")


def _texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _texts(item, f"{path}.{name}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts(item, f"{path}.{index}")
