"""Generates the API document (OpenAPI 3.1) from the routes and their shapes, through pydantic's TypeAdapter."""

import dataclasses
import importlib
import json
import pkgutil
import re
import types
import typing
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Annotated, Any, Literal, NotRequired, Union, get_args, is_typeddict

from pydantic import TypeAdapter
from typing_extensions import TypedDict

from callwatch.api import routes
from callwatch.api.routes import ROUTES, Route
from callwatch.grouping.levels import LEVELS
from callwatch.models import shapes
from callwatch.models.alert import AlertState, Level
from callwatch.models.error import Category, GroupSort, GroupStatus, GroupVerb, Severity
from callwatch.models.incident import IncidentState, IncidentVerb
from callwatch.models.shapes import health, history, ingest, rules
from callwatch.models.shapes.product import costs, items
from callwatch.reports.ranges import STEPS_S

# Years of 53 weeks: 28 December is always in the last one.
_LONG_YEARS = "|".join(str(year) for year in range(2000, 2100) if date(year, 12, 28).isocalendar().week == 53)
# A JSON Schema, or another part of the document.
Json = dict[str, Any]

# Shapes of which a client may send fields that are not declared: the bodies, except those whose fields are all known.
_OPEN = frozenset(
    {
        *("NewError", "NewRequest", "NewAccess", "ActionReason", "RuleReason", "GroupAction", "IncidentAction", "NewSilence"),
        *("NewReplay", "McpMessage", "GroupsAction"),
    }
)
# Bodies without which nothing can be done, although which of their fields is needed depends on the action.
_NEEDED = frozenset({"GroupAction", "IncidentAction"})
# The names of shapes in the document, where they differ from those in the code.
_NAMES = {"Reason": "Unknown", "ActionReason": "Reason"}
_TEXT: Json = {"type": "string", "maxLength": 300, "pattern": "^[^\\u0000]*$"}
# An empty filter counts as one that is not given.
_TIME: Json = {"anyOf": [{"type": "string", "format": "date-time"}, {"const": ""}]}
# What a query or path parameter must be, by its name, or by path and name if the name alone is ambiguous.
_PARAMETERS: Mapping[str, Json] = {
    "limit": {"type": "integer", "minimum": 1, "maximum": 200},
    "project": {"type": "integer", "minimum": 0, "maximum": 999_999_999},
    "cursor": {"type": "string", "description": "The next_cursor of an earlier response."},
    "since": _TIME,
    "until": _TIME,
    "severity": {"enum": ["", *get_args(Severity)]},
    "category": {"enum": ["", *get_args(Category)]},
    "level": {"enum": ["", *get_args(Level)]},
    "tag": {"type": "string", "maxLength": 300, "pattern": "^([^\\u0000]*:[^\\u0000]*)?$", "description": "key:value"},
    "metric": {"enum": list(get_args(history.Metric))},
    "range": {"enum": list(get_args(history.RangeName))},
    "route": {
        "type": "string",
        "maxLength": 300,
        "pattern": "^[^\\u0000]*$",
        "description": "With metric=route, and only with it.",
    },
    "before": {"enum": list(get_args(history.BeforeName))},
    "from": {**_TIME, "description": "With `to`, instead of `range`."},
    "to": _TIME,
    "step": {"enum": list(map(str, STEPS_S)), "description": "The least length of a step in s."},
    "everywhere": {"enum": ["no", "yes"], "description": "yes: all sessions that the same token began."},
    "id": {"type": "string", "minLength": 1},
    "timezone": {"type": "string", "maxLength": 300, "description": "An IANA time zone name such as Europe/Berlin."},
    "reason": {"type": "string", "maxLength": 1_000, "pattern": "^[^\\u0000]*$"},
    "user_hash": {"type": "string", "pattern": "^[0-9a-f]{32}$", "description": "As occurrences show it."},
    "week": {
        "type": "string",
        "pattern": f"^(20[0-9]{{2}}-W(0[1-9]|[1-4][0-9]|5[0-2])|({_LONG_YEARS})-W53)?$",
        "description": "An ISO week; the last one by default.",
    },
    "/api/errors:level": {"enum": ["", *LEVELS]},
    "sort": {"enum": ["", *get_args(GroupSort)]},
    "/api/errors:state": {"enum": ["", *get_args(GroupStatus)]},
    "/api/alerts:state": {"enum": ["", *get_args(AlertState)]},
    "/api/incidents:state": {"enum": ["", *get_args(IncidentState)]},
    "/api/pipeline:by": {"enum": ["", "agency"]},
    "/api/metrics/costs:range": {"enum": list(get_args(costs.CostRange))},
    "/api/pipeline/{stage}/items:state": {"enum": list(get_args(items.ItemState))},
    "/api/rules:state": {"enum": ["", *get_args(rules.RuleState)]},
    "/api/errors/{id}/{action}:action": {"enum": list(get_args(GroupVerb))},
    "/api/incidents/{id}/{action}:action": {"enum": list(get_args(IncidentVerb))},
    "/api/rules/{id}/{action}:action": {"enum": list(get_args(rules.RuleVerb))},
}
# At least one field of a silence's matchers is set, which a type cannot say.
_ONE_MATCHER: Json = {
    "anyOf": [
        {"required": ["rule_id"], "properties": {"rule_id": {"type": "string"}}},
        {"required": ["service"], "properties": {"service": {"type": "string"}}},
        {"required": ["labels"], "properties": {"labels": {"type": "object", "minProperties": 1}}},
    ]
}


def render(found: Json) -> str:
    """Return the document as the text of docs/openapi.json."""
    return json.dumps(found, indent=1, sort_keys=True) + "\n"


def render_compact(found: Json) -> str:
    """Return the document as the API returns it."""
    return json.dumps(found, sort_keys=True, separators=(",", ":")) + "\n"


def build_document() -> Json:
    """Return the document as JSON-ready data."""
    shown = find_shapes()
    answers = {answer for _body, answer in shown.values()} | {ingest.AllRejected, ingest.ErrorAnswer, ingest.GatewayAnswer}
    bodies = {body for body, _answer in shown.values()}
    schemas = _build_schemas(answers | {health.HealthDraft}, bodies)
    schemas["NewMatchers"] |= _ONE_MATCHER
    paths: Json = {}
    for name, (body, answer) in shown.items():
        route = ROUTES[name]
        paths.setdefault(route.path, {})[route.method.lower()] = _describe(route, body, answer)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Callwatch", "version": "1", "description": "Null means unknown; `unknown` says why."},
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def find_shapes() -> dict[str, tuple[Any, Any]]:
    """Return the types of body and answer of each route of the document, as its annotation in the table names them."""
    found = pkgutil.walk_packages(shapes.__path__, f"{shapes.__name__}.")
    modules = [importlib.import_module(module.name) for module in found]
    known = {name: value for module in modules for name, value in vars(module).items()}
    hints = typing.get_type_hints(routes, localns=known)
    return {name: get_args(hints[name.upper()]) for name, route in ROUTES.items() if route.is_documented}


def adapt(shape: Any) -> TypeAdapter[Any]:
    """Return pydantic's adapter of a shape; its parts have only declared fields, unless a client may add some."""
    return TypeAdapter(_copy(shape, {}))


# Its fields are known only at run time, so a type checker cannot read them.
_make_shape: Any = TypedDict


def _copy(hint: Any, copies: dict[Any, Any]) -> Any:
    """Return a type with a copy of each shape in it: on Python 3.11 pydantic reads typing_extensions' TypedDict alone."""
    if hint in copies:
        return copies[hint]
    if is_typeddict(hint):
        fields = typing.get_type_hints(hint, include_extras=True)
        required = {name: _copy(_strip(field), copies) for name, field in fields.items()}
        marked = {name: field if name in hint.__required_keys__ else NotRequired[field] for name, field in required.items()}
        copy = _make_shape(hint.__name__, marked)
        copy.__doc__, copy.__module__ = hint.__doc__, hint.__module__
        copy.__pydantic_config__ = {"extra": "allow" if hint.__name__ in _OPEN else "forbid"}
        copies[hint] = copy
        return copy
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        hint.__pydantic_config__ = {"extra": "forbid"}  # type: ignore[attr-defined]  # pydantic's own hook
        return hint
    origin, args = typing.get_origin(hint), get_args(hint)
    if origin is Annotated:
        return Annotated[(_copy(args[0], copies), *args[1:])]
    if origin is None or origin is Literal:
        return hint
    parts = tuple(_copy(arg, copies) for arg in args)
    # The parts are known only here, so `X | Y` cannot be written.
    return Union[parts] if origin in (Union, types.UnionType) else origin[parts]  # noqa: UP007


def _strip(field: Any) -> Any:
    """Return the type of a field without the mark of whether it is required."""
    return get_args(field)[0] if typing.get_origin(field) in (typing.Required, typing.NotRequired) else field


def _build_schemas(answers: Iterable[Any], bodies: Iterable[Any]) -> Json:
    """Return the schemas of some shapes and of all that they consist of, by name."""
    shown = sorted((shape for shape in answers if is_typeddict(shape)), key=lambda shape: str(shape.__name__))
    sent = sorted((shape for shape in bodies if is_typeddict(shape)), key=lambda shape: str(shape.__name__))
    adapters: Any = [(shape.__name__, "serialization", adapt(shape)) for shape in shown]
    adapters += [(shape.__name__, "validation", adapt(shape)) for shape in sent]
    _by_name, found = TypeAdapter.json_schemas(adapters, ref_template="#/components/schemas/{model}")
    return {_NAMES.get(name, name): _rename(schema) for name, schema in found["$defs"].items()}


def _rename(schema: Json) -> Json:
    """Return a schema whose references and title have the names of the document."""
    text = json.dumps(schema)
    text = re.sub(r'"#/components/schemas/(\w+)"', lambda found: f'"{_refer(found[1])}"', text)
    renamed: Json = json.loads(text)
    return {**renamed, "title": _NAMES.get(renamed.get("title", ""), renamed.get("title"))}


def _refer(name: str) -> str:
    return f"#/components/schemas/{_NAMES.get(name, name)}"


def _describe(route: Route[Any, Any], body: Any, answer: Any) -> Json:
    found: Json = {
        "summary": route.summary,
        "operationId": re.sub(r"\W+", "_", f"{route.method.lower()}{route.path}").strip("_"),
        "parameters": _list_parameters(route),
        "responses": _list_responses(route, answer),
        "security": [{"token": []}] if route.role else [{}, {"token": []}],
    }
    if is_typeddict(body):
        one = {"$ref": _refer(body.__name__)}
        many = {"type": "array", "items": one, "minItems": 1, "maxItems": route.most_items}
        schema = {"anyOf": [one, many]} if route.most_items else one
        is_required = bool(body.__required_keys__) or body.__name__ in _NEEDED
        found["requestBody"] = {"required": is_required, "content": {"application/json": {"schema": schema}}}
    return found


def _list_parameters(route: Route[Any, Any]) -> list[Json]:
    def find(name: str) -> Json:
        return _PARAMETERS.get(f"{route.path}:{name}") or _PARAMETERS.get(name, _TEXT)

    names = re.findall(r"\{(\w+)\}", route.path)
    in_path: list[Json] = [{"name": name, "in": "path", "required": True, "schema": find(name)} for name in names]
    return in_path + [{"name": name, "in": "query", "schema": find(name)} for name in route.query.split()]


def _list_responses(route: Route[Any, Any], answer: Any) -> Json:
    responses: Json = {str(route.status): {"description": "As asked."}}
    if is_typeddict(answer):
        responses[str(route.status)]["content"] = {"application/json": {"schema": {"$ref": _refer(answer.__name__)}}}
    if route is routes.GET_METRICS_PROMETHEUS:
        responses["200"]["content"] = {"text/plain": {"schema": {"type": "string"}}}
    if route is routes.GET_POSTMORTEM:
        responses["200"]["content"] = {"text/markdown": {"schema": {"type": "string"}}}
    if route is routes.GET_WEEKLY_REPORT:
        text = {"schema": {"type": "string"}}
        responses["200"]["content"] |= {"text/html": text, "text/csv": text}
    if route is routes.GET_HEALTH:
        responses["200"]["content"]["application/health+json"] = {"schema": {"$ref": _refer(health.HealthDraft.__name__)}}
        responses["503"] = {**responses["200"], "description": "Unhealthy."}
    if route is routes.CALL_MCP:
        one = responses["200"]["content"]["application/json"]["schema"]
        batch = {"application/json": {"schema": {"anyOf": [one, {"type": "array", "items": one}]}}}
        responses["200"] = {"description": "The response, or those of a batch.", "content": batch}
        responses["202"] = {"description": "A notification, which has no response."}
        responses["400"] = {"description": "No message can be read: an error of JSON-RPC.", "content": batch}
    refused = {"$ref": _refer(ingest.ErrorAnswer.__name__)}
    if route.most_items:
        every_item = {"anyOf": [{"$ref": _refer(ingest.AllRejected.__name__)}, refused]}
        responses["422"] = {"description": "Every item was rejected.", "content": {"application/json": {"schema": every_item}}}
    # Errors of API Gateway itself (no route, too many requests, a failed function) have a different shape.
    either = {"anyOf": [refused, {"$ref": _refer(ingest.GatewayAnswer.__name__)}]}
    responses["default"] = {"description": "An error.", "content": {"application/json": {"schema": either}}}
    return responses
