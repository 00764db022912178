"""The API while PostgreSQL is down: which endpoints still answer, in which form, and which return 503."""

import importlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from callwatch.db import reset_pool
from callwatch.settings import reset_settings
from tests.support.api_contract import check_response


@pytest.fixture(autouse=True)
def _no_database(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:p@127.0.0.1:1/x")
    reset_settings()
    reset_pool()
    yield
    reset_pool()


def call(function: str, role: str = "viewer") -> tuple[int, Any, dict[str, str]]:
    with open(f"events/{function}.json") as file:
        event = json.load(file)
    event["requestContext"]["authorizer"] = {"lambda": {"role": role, "actor": "ana"}}
    answer = importlib.import_module(f"functions.{function}").lambda_handler(event, None)
    is_json = answer["headers"]["content-type"] == "application/json"
    return answer["statusCode"], json.loads(answer["body"]) if is_json else answer["body"], answer["headers"]


@pytest.mark.parametrize(
    ("function", "route", "code"),
    [
        ("get_health", "/api/health", 503),
        ("get_status", "/api/status", 200),
        ("get_overview", "/api/overview", 200),
        ("get_metrics_system", "/api/metrics/system", 200),
        ("get_metrics_jobs", "/api/metrics/jobs", 200),
        ("get_metrics_errors", "/api/metrics/errors", 200),
        ("get_pipeline", "/api/pipeline", 200),
        ("get_metrics_costs", "/api/metrics/costs", 200),
    ],
)
def test_each_response_keeps_its_model_and_explains_unknowns(function: str, route: str, code: int) -> None:
    status, body, _headers = call(function)
    assert status == code
    check_response("GET", route, body)
    assert any("database does not respond" in reason["message"] for reason in body["unknown"].values())


def test_reduced_health_is_503_too() -> None:
    status, body, _headers = call("get_health", "none")
    assert (status, body["status"]) == (503, "unhealthy")
    check_response("GET", "/api/health", body)


def test_prometheus_is_given_what_is_known_without_it() -> None:
    status, text, _headers = call("get_metrics_prometheus")
    assert status == 200
    assert "callwatch_health_status 2\n" in text
    assert "callwatch_system_process_uptime_seconds" in text
    assert "callwatch_system_database_size_bytes" not in text


@pytest.mark.parametrize(
    "function",
    [
        "list_errors",
        "get_error",
        "get_occurrence",
        "list_alerts",
        "get_alert",
        "list_incidents",
        "get_incident",
        "get_postmortem",
        "get_publication",
        "list_subscribers",
        "list_silences",
        "list_rules",
        "get_uptime",
        "get_crons",
        "list_stage_items",
        "get_call",
        "list_access",
        "get_ingest",
        "get_weekly_report",
    ],
)
def test_lists_say_503_and_when_to_come_back(function: str) -> None:
    status, body, headers = call(function, "admin")
    assert (status, body["error"]["code"]) == (503, "database_unavailable")
    assert int(headers["retry-after"]) >= 1
