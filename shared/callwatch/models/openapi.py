"""The OpenAPI document, generated from the models: one table of routes, and nothing written twice."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from callwatch.models import api, api_alerts, api_errors

_LISTS = "limit cursor"


@dataclass(frozen=True, slots=True)
class Operation:
    """One route; role: who may call (None: everybody); query: names of its parameters.

    most_items: a body may also be a list of at most so many.
    """

    method: str
    path: str
    summary: str
    role: str | None
    answer: type[BaseModel] | None
    body: type[BaseModel] | None = None
    most_items: int = 0
    query: str = ""
    status: int = 200


OPERATIONS = (
    Operation("get", "/api/health", "Is the whole healthy; in full with a token", None, api.Health),
    Operation("get", "/api/status", "Is it working, what is wrong", "viewer", api.Status),
    Operation("get", "/api/metrics/system", "This process, the database, the product's API", "viewer", api.SystemMetrics),
    Operation("get", "/api/metrics/jobs", "The product's queues", "viewer", api.JobMetrics),
    Operation("get", "/api/metrics/errors", "Errors", "viewer", api.ErrorMetrics, query="project environment"),
    Operation("get", "/api/metrics/history", "Time series for charts", "viewer", api.History, query="metric range"),
    Operation("get", "/api/metrics/prometheus", "The figures as text", "viewer", None),
    Operation("get", "/api/pipeline", "The product's stages", "viewer", api.Pipeline),
    Operation("get", "/api/uptime", "Uptime by service and day", "viewer", api.UptimeReport),
    Operation(
        "get", "/api/errors", "Error groups", "viewer", api.ErrorGroupPage,
        query=f"{_LISTS} state severity category environment release type project q tag since until",
    ),
    Operation("post", "/api/errors", "Send errors", "ingest", api_alerts.Accepted, api_alerts.NewError, 100, "project", 202),
    Operation("get", "/api/errors/{id}", "One error group", "viewer", api_errors.ErrorGroupDetail),
    Operation(
        "post", "/api/errors/{id}/{action}", "Resolve, ignore, reopen", "admin", api_errors.ErrorGroupState,
        api_alerts.GroupAction,
    ),
    Operation("post", "/api/requests", "Send requests", "ingest", api_alerts.Accepted, api_alerts.NewRequest, 1000, "project", 202),  # noqa: E501
    Operation(
        "get", "/api/alerts", "Alerts", "viewer", api_alerts.AlertPage, query=f"{_LISTS} state level rule_id q since until"
    ),
    Operation("get", "/api/alerts/{id}", "One alert", "viewer", api_alerts.AlertDetail),
    Operation("post", "/api/alerts/{id}/acknowledge", "Acknowledge", "admin", api_alerts.AlertDetail, api_alerts.Reason),
    Operation("get", "/api/silences", "Silences", "viewer", api_alerts.SilencePage, query=_LISTS),
    Operation("post", "/api/silences", "Silence", "admin", api_alerts.Silence, api_alerts.NewSilence, status=201),
    Operation("delete", "/api/silences/{id}", "End a silence", "admin", None, status=204),
    Operation("get", "/api/rules", "Rules", "viewer", api_alerts.RulePage, query=f"{_LISTS} state level"),
    Operation("post", "/api/rules/{id}/{action}", "Enable, disable, test", "admin", api_alerts.Rule, api_alerts.ActOnRule),
    Operation("get", "/api/openapi.json", "This document", None, None),
)  # fmt: skip
_TEXT = {"type": "string", "maxLength": 300, "pattern": "^[^\\u0000]*$"}
# A filter that is empty is one that is not given.
_TIME = {"anyOf": [{"type": "string", "format": "date-time"}, {"const": ""}]}
# What a query's or a path's parameter takes, by its name, or by path and name where the name alone does not say it.
_TAKES: Mapping[str, Any] = {
    "limit": {"type": "integer", "minimum": 1, "maximum": 200},
    "project": {"type": "integer", "minimum": 0, "maximum": 999_999_999},
    "cursor": {"type": "string", "description": "The next_cursor of an earlier answer."},
    "since": _TIME,
    "until": _TIME,
    "severity": {"enum": ["", *get_args(api.Severity)]},
    "category": {"enum": ["", *get_args(api.Category)]},
    "level": {"enum": ["", *get_args(api_alerts.Level)]},
    "tag": {"type": "string", "maxLength": 300, "pattern": "^([^\\u0000]*:[^\\u0000]*)?$", "description": "key:value"},
    "metric": {"enum": list(get_args(api.History.model_fields["metric"].annotation))},
    "range": {"enum": list(get_args(api.History.model_fields["range"].annotation))},
    "id": {"type": "string", "minLength": 1},
    "/api/errors:state": {"enum": ["", *get_args(api.GroupState)]},
    "/api/alerts:state": {"enum": ["", "firing", "resolved"]},
    "/api/rules:state": {"enum": ["", *get_args(api_alerts.Rule.model_fields["state"].annotation)]},
    "/api/errors/{id}/{action}:action": {"enum": ["resolve", "ignore", "reopen"]},
    "/api/rules/{id}/{action}:action": {"enum": ["enable", "disable", "test"]},
}


def document() -> dict[str, Any]:
    """The document, as JSON-ready data (OpenAPI 3.1)."""
    answers = sorted(
        {o.answer for o in OPERATIONS if o.answer} | {api_alerts.ErrorAnswer, api_alerts.GatewayAnswer}, key=lambda m: m.__name__
    )
    bodies = sorted({o.body for o in OPERATIONS if o.body}, key=lambda m: m.__name__)
    wanted: Any = [(model, "serialization") for model in answers] + [(model, "validation") for model in bodies]
    _by_model, schemas = models_json_schema(wanted, ref_template="#/components/schemas/{model}")
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Callwatch", "version": "1", "description": "Null means unknown; `unknown` says why."},
        "paths": paths,
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(operation: Operation) -> dict[str, Any]:
    found: dict[str, Any] = {
        "summary": operation.summary,
        "operationId": re.sub(r"\W+", "_", f"{operation.method}{operation.path}").strip("_"),
        "parameters": _parameters(operation),
        "responses": _responses(operation),
        "security": [{"token": []}] if operation.role else [{}, {"token": []}],
    }
    if operation.body:
        one = {"$ref": f"#/components/schemas/{operation.body.__name__}"}
        many = {"type": "array", "items": one, "minItems": 1, "maxItems": operation.most_items}
        schema = {"anyOf": [one, many]} if operation.most_items else one
        is_required = any(field.is_required() for field in operation.body.model_fields.values())
        found["requestBody"] = {"required": is_required, "content": {"application/json": {"schema": schema}}}
    return found


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    def takes(name: str) -> Any:
        return _TAKES.get(f"{operation.path}:{name}") or _TAKES.get(name, _TEXT)

    in_path = [
        {"name": name, "in": "path", "required": True, "schema": takes(name)} for name in re.findall(r"\{(\w+)\}", operation.path)
    ]
    return in_path + [{"name": name, "in": "query", "schema": takes(name)} for name in operation.query.split()]


def _responses(operation: Operation) -> dict[str, Any]:
    responses: dict[str, Any] = {str(operation.status): {"description": "As asked."}}
    if operation.answer:
        schema = {"$ref": f"#/components/schemas/{operation.answer.__name__}"}
        responses[str(operation.status)]["content"] = {"application/json": {"schema": schema}}
    if operation.path == "/api/health":
        responses["503"] = {**responses["200"], "description": "Unhealthy."}
    refused = {"$ref": "#/components/schemas/ErrorAnswer"}
    if operation.most_items:
        every_item = {"anyOf": [{"$ref": "#/components/schemas/Accepted"}, refused]}
        responses["422"] = {"description": "Every item was rejected.", "content": {"application/json": {"schema": every_item}}}
    # API Gateway's own refusals (no route, too many requests, a function that failed) have a shape of their own.
    either = {"anyOf": [refused, {"$ref": "#/components/schemas/GatewayAnswer"}]}
    responses["default"] = {"description": "An error.", "content": {"application/json": {"schema": either}}}
    return responses
