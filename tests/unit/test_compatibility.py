"""The compatibility check finds changes that break clients of the released API document, and allows all others."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from tools.api_compat import CURRENT, RELEASED, find_breaks

DOCUMENT: dict[str, Any] = {
    "paths": {
        "/api/things": {
            "get": {
                "parameters": [{"in": "query", "name": "limit", "schema": {"type": "integer", "maximum": 200}}],
                "responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}}},
            },
            "post": {
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/NewThing"}}}},
                "responses": {"202": {}},
            },
        }
    },
    "components": {
        "schemas": {
            "Thing": {
                "type": "object",
                "required": ["id"],
                "properties": {
                    "id": {"type": "string"},
                    "age_s": {"anyOf": [{"type": "number"}, {"type": "null"}]},
                    "parts": {"type": "array", "items": {"$ref": "#/components/schemas/Thing"}},
                },
            },
            "NewThing": {
                "type": "object",
                "required": ["name"],
                "properties": {
                    "name": {"type": "string", "maxLength": 100},
                    "kind": {"type": "string", "enum": ["big", "small"]},
                    "size": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
                },
            },
        }
    },
}
Change = Callable[[dict[str, Any], dict[str, Any], dict[str, Any]], Any]


def changed(change: Change) -> list[str]:
    """Return the findings after `change` edits the operations of the path, and the response and request schemas."""
    document = copy.deepcopy(DOCUMENT)
    schemas = document["components"]["schemas"]
    change(document["paths"]["/api/things"], schemas["Thing"], schemas["NewThing"])
    return find_breaks(DOCUMENT, document)


BREAKING: dict[str, Change] = {
    "GET /api/things is gone": lambda path, _thing, _new: path.pop("get"),
    "the parameter limit is gone": lambda path, _thing, _new: path["get"]["parameters"].clear(),
    "limit: maximum fell to 50": lambda path, _thing, _new: path["get"]["parameters"][0]["schema"].update(maximum=50),
    "the parameter page became required": lambda path, _thing, _new: path["get"]["parameters"].append(
        {"in": "query", "name": "page", "required": True, "schema": {"type": "string"}}
    ),
    "the answer 202 is gone": lambda path, _thing, _new: path["post"]["responses"].pop("202"),
    "age_s is gone": lambda _path, thing, _new: thing["properties"].pop("age_s"),
    "id may now be missing": lambda _path, thing, _new: thing.update(required=[]),
    "id may now be null": lambda _path, thing, _new: thing["properties"].update(
        id={"anyOf": [{"type": "string"}, {"type": "null"}]}
    ),
    "id may now be number": lambda _path, thing, _new: thing["properties"].update(id={"type": "integer"}),
    "kind became required": lambda _path, _thing, new: new.update(required=["name", "kind"]),
    "the value small is gone": lambda _path, _thing, new: new["properties"]["kind"].update(enum=["big"]),
    "size takes no null any more": lambda _path, _thing, new: new["properties"].update(size={"type": "integer"}),
    "name: maxLength fell to 10": lambda _path, _thing, new: new["properties"]["name"].update(maxLength=10),
    "name: it must now match ^a": lambda _path, _thing, new: new["properties"]["name"].update(pattern="^a"),
}
HARMLESS: dict[str, Change] = {
    "a new path": lambda path, _thing, _new: path.update(delete={"responses": {}}),
    "a new field of an answer": lambda _path, thing, _new: thing["properties"].update(more={"type": "string"}),
    "a new field of a request": lambda _path, _thing, new: new["properties"].update(more={"type": "string"}),
    "a new value that a request may have": lambda _path, _thing, new: new["properties"]["kind"]["enum"].append("huge"),
    "a bound that was widened": lambda _path, _thing, new: new["properties"]["name"].update(maxLength=1000),
    "a null that does not come any more": lambda _path, thing, _new: thing["properties"].update(age_s={"type": "number"}),
    "a request that may now be null": lambda _path, _thing, new: new["properties"].update(
        name={"anyOf": [{"type": "string"}, {"type": "null"}]}
    ),
}


@pytest.mark.parametrize("line", sorted(BREAKING))
def test_a_breaking_change_is_found_and_named(line: str) -> None:
    found = changed(BREAKING[line])
    assert len(found) == 1
    assert found[0].endswith(line)


@pytest.mark.parametrize("what", sorted(HARMLESS))
def test_an_addition_breaks_nobody(what: str) -> None:
    assert changed(HARMLESS[what]) == []


def test_todays_document_serves_the_clients_of_the_released_one() -> None:
    assert find_breaks(json.loads(RELEASED.read_text()), json.loads(CURRENT.read_text())) == []
