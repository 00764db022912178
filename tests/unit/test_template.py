"""The template, the functions and their example events belong together."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE: dict[str, Any] = yaml_parse((ROOT / "template.yaml").read_text())
FUNCTIONS = {
    resource["Properties"]["Handler"].partition(".")[0]: resource["Properties"]
    for resource in TEMPLATE["Resources"].values()
    if resource["Type"] == "AWS::Serverless::Function"
}


def test_each_file_of_functions_is_one_function_of_the_template() -> None:
    assert {path.stem for path in (ROOT / "functions").glob("*.py")} == set(FUNCTIONS)


def test_each_function_has_an_example_event() -> None:
    assert {path.stem for path in (ROOT / "events").glob("*.json")} == set(FUNCTIONS)


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_the_example_event_fits_the_route(name: str) -> None:
    event = json.loads((ROOT / "events" / f"{name}.json").read_text())
    for trigger in FUNCTIONS[name].get("Events", {}).values():
        if trigger["Type"] != "HttpApi":
            continue
        method, path = trigger["Properties"]["Method"], trigger["Properties"]["Path"]
        assert event["routeKey"] == f"{method} {path}"
        names = re.findall(r"\{(\w+)\+?\}", path)
        assert sorted(event.get("pathParameters", {})) == sorted(names)
        filled = path
        for parameter in names:
            filled = re.sub(rf"\{{{parameter}\+?\}}", event["pathParameters"][parameter], filled)
        assert filled == event["rawPath"]


def test_no_route_ends_in_a_slash() -> None:
    routes = [t["Properties"]["Path"] for p in FUNCTIONS.values() for t in p.get("Events", {}).values() if t["Type"] == "HttpApi"]
    assert routes
    assert not [route for route in routes if route.endswith("/")], "SAM drops such routes in silence"
