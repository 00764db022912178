"""The template, the functions and their example events agree."""

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse

from callwatch.api.routes import ROUTES
from callwatch.settings import VARIABLES
from local.api_gateway.template import load
from tests.support.template_text import parse_template

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE: dict[str, Any] = parse_template((ROOT / "template.yaml").read_text())
FUNCTIONS = {
    resource["Properties"]["Handler"].partition(".")[0]: resource["Properties"]
    for resource in TEMPLATE["Resources"].values()
    if resource["Type"] == "AWS::Serverless::Function"
}
# A HEAD is routed like its GET; an OPTIONS is a browser's question about another route.
BESIDE_THE_TABLE = ("HEAD", "OPTIONS")
# Methods that lead to a function only because a protocol wants its 405.
# Lambda sets two; the third belongs to the page's content security policy.
SET_ELSEWHERE = {"AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "OIDC_TOKEN_ORIGIN"}
REFUSED_METHODS = {("GET", "/api/mcp"), ("DELETE", "/api/mcp")}


def test_each_file_of_functions_is_one_function_of_the_template() -> None:
    assert {path.stem for path in (ROOT / "functions").glob("*.py")} == set(FUNCTIONS)


def test_each_function_has_an_example_event() -> None:
    assert {path.stem for path in (ROOT / "events").glob("*.json")} == set(FUNCTIONS)


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_the_example_event_fits_the_route(name: str) -> None:
    event = json.loads((ROOT / "events" / f"{name}.json").read_text())
    for trigger in FUNCTIONS[name].get("Events", {}).values():
        if trigger["Type"] != "HttpApi" or trigger["Properties"]["Method"] in BESIDE_THE_TABLE:
            continue
        method, path = trigger["Properties"]["Method"], trigger["Properties"]["Path"]
        if (method, path) in REFUSED_METHODS:
            continue
        if event["routeKey"] != f"{method} {path}":
            # An event for one of its routes; the others are named by the table.
            assert f"{method} {path}" in ROUTES[name].also or event["routeKey"] in ROUTES[name].also
            continue
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


def test_routes_of_the_template_are_those_of_the_table() -> None:
    found = [
        (name, trigger["Properties"]["Method"], trigger["Properties"]["Path"])
        for name, properties in FUNCTIONS.items()
        for trigger in properties.get("Events", {}).values()
        if trigger["Type"] == "HttpApi"
        and trigger["Properties"]["Method"] not in BESIDE_THE_TABLE
        and (trigger["Properties"]["Method"], trigger["Properties"]["Path"]) not in REFUSED_METHODS
    ]
    also = [(name, *each.split(" ")) for name, route in ROUTES.items() for each in route.also]
    assert sorted(found) == sorted([*((name, route.method, route.path) for name, route in ROUTES.items()), *also])


@pytest.mark.parametrize("name", sorted(ROUTES))
def test_each_handler_serves_its_route_of_the_table(name: str) -> None:
    tree = ast.parse((ROOT / "functions" / f"{name}.py").read_text())
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "endpoint"]
    assert [ast.unparse(call.args[0]) for call in calls] == [name.upper()]


def test_each_get_route_has_its_head_and_no_other() -> None:
    routes = [
        (trigger["Properties"]["Method"], name, trigger["Properties"]["Path"], str(trigger["Properties"].get("Auth")))
        for name, properties in FUNCTIONS.items()
        for trigger in properties.get("Events", {}).values()
        if trigger["Type"] == "HttpApi"
    ]
    gets, heads = ([route[1:] for route in routes if route[0] == method] for method in ("GET", "HEAD"))
    assert gets
    assert sorted(gets) == sorted(heads)


def test_one_open_route_takes_every_preflight() -> None:
    routes = load(ROOT / "template.yaml", {}, {}).routes
    found = [(route.path, route.function, route.authorizer) for route in routes if route.method == "OPTIONS"]
    assert found == [("/api/{proxy+}", "IngestEnvelope", None)], "a browser sends no token with its question"
    others = {route.path for route in routes if not route.path.startswith("/api/")}
    assert others == {"/ping/{key}/{proxy+}", "/status", "/status/feed.atom", "/status/badge.svg"}, "no page's script sends there"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, "https://nobody.invalid"),
        ({"CORS_ORIGINS": "https://a.example,https://b.example"}, "https://a.example,https://b.example"),
    ],
)
def test_each_function_knows_the_origins(values: dict[str, str], expected: str) -> None:
    functions = load(ROOT / "template.yaml", values, {}).functions
    assert {function.environment["CORS_ORIGINS"] for function in functions.values()} == {expected}


def test_no_variable_holds_the_commit() -> None:
    text = (ROOT / "template.yaml").read_text()
    assert text.count("!Ref CommitSha") == 2, "in a condition and in the parameter: a variable would change each function"
    assert load(ROOT / "template.yaml", {}, {}).functions["GetHealth"].environment["COMMIT_PARAMETER"] == ""


def test_each_variable_of_a_person_reaches_a_function() -> None:
    # Those of channels that are not named here are kept in CHANNEL_SETTINGS.
    names = {variable.name for variable in VARIABLES if not variable.kept_in} - SET_ELSEWHERE
    functions = load(ROOT / "template.yaml", dict.fromkeys(names, "1234"), {}).functions
    reached = {name for function in functions.values() for name, value in function.environment.items() if value == "1234"}
    assert names - reached == set()


def test_no_parameter_is_set_where_its_default_means_none() -> None:
    functions = load(ROOT / "template.yaml", {}, {}).functions
    assert {function.most_at_once for function in functions.values()} == {None}
    assert {function.environment["DATABASE_HOST"] for function in functions.values()} == {""}, "there is no proxy"


def test_template_is_read_as_sam_reads_it() -> None:
    for path in (ROOT / "template.yaml", ROOT / "deploy" / "subscribe_logs.yaml"):
        text = path.read_text()
        assert json.dumps(parse_template(text)) == json.dumps(yaml_parse(text)), path
