"""Shapes, routes and the generated API document agree."""

import ast
import json
import re
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, get_args, is_typeddict

import pytest
from pydantic import ValidationError

from callwatch.api.document import read_document
from callwatch.api.routes import ROUTES
from callwatch.exceptions import Rejected
from callwatch.ingest.errors import accept_error
from callwatch.ingest.requests import accept_request
from callwatch.models.alert import AlertLevel, Level
from callwatch.models.constraints import find_max_chars, find_range
from callwatch.models.error import Category, ErrorCategory, ErrorSeverity, Severity
from callwatch.models.shapes.health import MonitorHealth
from callwatch.models.shapes.new_error import NewError
from callwatch.models.shapes.new_request import NewRequest
from tests.support.api_shapes import check_encoded
from tools.openapi import build_document, find_shapes

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
MONITOR = {"last_cycle_at": None, "last_evaluated_at": None, "not_evaluated_since": None, "is_late": False}
REQUEST = {"method": "GET", "route": "/x", "status_code": 200, "response_time_ms": 5}


@pytest.mark.parametrize(("words", "members"), [(Level, AlertLevel), (Severity, ErrorSeverity), (Category, ErrorCategory)])
def test_words_of_a_shape_are_those_of_its_enumeration(words: Any, members: type[StrEnum]) -> None:
    assert list(get_args(words)) == [member.value for member in members]


def test_returned_document_is_generated_from_the_shapes() -> None:
    assert json.loads(read_document()) == build_document()


def test_every_documented_route_has_its_shapes() -> None:
    shapes = find_shapes()
    assert set(shapes) == {name for name, route in ROUTES.items() if route.is_documented}
    writing = {name for name, route in ROUTES.items() if route.is_documented and route.method in ("POST", "PUT")}
    # The token in its header is all that it takes.
    assert {name for name, (body, _answer) in shapes.items() if is_typeddict(body)} == writing - {"create_session"}


@pytest.mark.parametrize("change", [{"is_late": "no"}, {"extra": 1}, {"is_late": ...}])
def test_answer_with_other_fields_is_found(change: dict[str, Any]) -> None:
    check_encoded(MonitorHealth, MONITOR)
    answer = {name: value for name, value in {**MONITOR, **change}.items() if value is not ...}
    with pytest.raises(ValidationError):
        check_encoded(MonitorHealth, answer)


@pytest.mark.parametrize("name", ["type", "environment", "release", "endpoint", "service", "user_id"])
def test_error_text_is_limited_as_documented(name: str) -> None:
    (limit,) = {
        choice["maxLength"]
        for choice in build_document()["components"]["schemas"]["NewError"]["properties"][name]["anyOf"]
        if "maxLength" in choice
    }
    assert find_max_chars(NewError)[name] == limit
    accept_error({"message": "m", name: "x" * limit}, NOW, "key")
    with pytest.raises(Rejected, match=str(limit)):
        accept_error({"message": "m", name: "x" * (limit + 1)}, NOW, "key")


@pytest.mark.parametrize("name", ["status_code", "response_time_ms"])
def test_request_number_is_limited_as_documented(name: str) -> None:
    schema = build_document()["components"]["schemas"]["NewRequest"]["properties"][name]
    allowed = find_range(NewRequest, name)
    assert (schema["minimum"], schema["maximum"]) == (allowed.least, allowed.most)
    for value in (schema["minimum"], schema["maximum"]):
        assert accept_request({**REQUEST, name: value}, NOW)[name] == value
    for value in (schema["minimum"] - 1, schema["maximum"] + 1):
        with pytest.raises(Rejected):
            accept_request({**REQUEST, name: value}, NOW)


def test_statement_with_a_row_type_names_its_columns() -> None:
    """A migration adds columns before the functions are updated, so that `*` returns more than a type has."""
    for path in sorted((ROOT / "shared" / "callwatch" / "db").glob("*queries/*.py")):
        tree = ast.parse(path.read_text())
        texts = {
            ast.unparse(node.targets[0]): ast.unparse(node.value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign) and len(node.targets) == 1
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("fetch_all", "fetch_one") and len(node.args) == 4:
                statement = ast.unparse(node.args[1])
                sql = texts.get(statement, statement)
                assert not re.search(r"RETURNING \*|^\W*SELECT \*", sql), (path.name, sql)


def test_an_action_on_an_error_group_needs_a_body() -> None:
    paths = build_document()["paths"]
    assert paths["/api/errors/{id}/{action}"]["post"]["requestBody"]["required"] is True
    assert paths["/api/rules/{id}/{action}"]["post"]["requestBody"]["required"] is False
