"""The API as the outside relies on it: who may call what, what every answer carries, and its exact shape."""

import uuid
from typing import Any

import pytest

from callwatch.models.openapi import OPERATIONS
from local.system import System
from tests.contract import check_answer, operation

# Method, route, an address of it that touches nothing, and who may pass.
ROUTES = [
    ("GET", "/api/health", "/api/health", None),
    ("GET", "/api/status", "/api/status", "viewer"),
    ("GET", "/api/metrics/system", "/api/metrics/system", "viewer"),
    ("GET", "/api/metrics/jobs", "/api/metrics/jobs", "viewer"),
    ("GET", "/api/metrics/errors", "/api/metrics/errors", "viewer"),
    ("GET", "/api/metrics/history", "/api/metrics/history", "viewer"),
    ("GET", "/api/metrics/prometheus", "/api/metrics/prometheus", "viewer"),
    ("GET", "/api/pipeline", "/api/pipeline", "viewer"),
    ("POST", "/api/errors", "/api/errors", "ingest"),
    ("POST", "/api/requests", "/api/requests", "ingest"),
    ("GET", "/api/errors", "/api/errors", "viewer"),
    ("GET", "/api/errors/{id}", "/api/errors/999999", "viewer"),
    ("POST", "/api/errors/{id}/{action}", "/api/errors/999999/resolve", "admin"),
    ("GET", "/api/alerts", "/api/alerts", "viewer"),
    ("GET", "/api/alerts/{id}", "/api/alerts/999999", "viewer"),
    ("POST", "/api/alerts/{id}/acknowledge", "/api/alerts/999999/acknowledge", "admin"),
    ("GET", "/api/silences", "/api/silences", "viewer"),
    ("POST", "/api/silences", "/api/silences", "admin"),
    ("DELETE", "/api/silences/{id}", "/api/silences/999999", "admin"),
    ("GET", "/api/rules", "/api/rules", "viewer"),
    ("POST", "/api/rules/{id}/{action}", "/api/rules/no_such_rule/test", "admin"),
    ("GET", "/api/uptime", "/api/uptime", "viewer"),
    ("GET", "/api/openapi.json", "/api/openapi.json", None),
]
MAY_PASS = {None: {"none", "wrong", "ingest", "viewer", "admin"}, "viewer": {"viewer", "admin"}, "admin": {"admin"}}
MAY_PASS["ingest"] = {"ingest", "admin"}
SECURITY = {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "strict-transport-security": "max-age=31536000; includeSubDomains",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}


def token_of(system: System, caller: str) -> str | None:
    tokens = {"none": None, "wrong": "x" * 32, "ingest": system.ingest_key, "viewer": system.viewer_token}
    return {**tokens, "admin": system.admin_token}[caller]


def check_headers(headers: dict[str, str]) -> None:
    assert SECURITY.items() <= headers.items()
    assert headers["x-request-id"]
    assert headers["x-response-time"].endswith("ms")


@pytest.mark.parametrize(("method", "route", "address", "role"), ROUTES, ids=[f"{m} {r}" for m, r, _a, _o in ROUTES])
def test_each_route_lets_pass_whom_it_should_and_answers_in_one_form(
    method: str, route: str, address: str, role: str | None, system: System
) -> None:
    for caller in ("none", "wrong", "ingest", "viewer", "admin"):
        status, body, headers = system.call(method, address, token_of(system, caller), {} if method == "POST" else None)
        check_headers(headers)
        if caller in MAY_PASS[role]:
            assert status in (200, 404, 422), (caller, status, body)
        else:
            assert status == (401 if caller in ("none", "wrong") else 403), (caller, status, body)
            assert ("www-authenticate" in headers) == (status == 401)
        if status >= 400 and route not in ("/api/errors", "/api/requests"):
            assert set(body) == {"error"}
            assert set(body["error"]) == {"code", "message", "request_id"}
            assert body["error"]["request_id"] == headers["x-request-id"]


def test_every_route_of_the_document_is_among_them() -> None:
    assert {(method, route, role) for method, route, _address, role in ROUTES} == {
        (operation.method.upper(), operation.path, operation.role) for operation in OPERATIONS
    }


def test_what_has_no_route_is_the_gateways_own_404(system: System) -> None:
    for method, address in (("GET", "/api/nothing"), ("PUT", "/api/status"), ("GET", "/api/status/"), ("DELETE", "/api/health")):
        status, body, _headers = system.call(method, address)
        assert (status, body) == (404, {"message": "Not Found"}), (method, address)


def test_a_wrong_token_on_health_is_nobody(system: System) -> None:
    for token in (None, "x" * 32, system.ingest_key):
        assert "environment" not in system.get("/api/health", token)
    assert "environment" in system.get("/api/health", system.viewer_token)


@pytest.fixture(scope="module")
def busy(system: System) -> System:
    """The system with an error group, an alert, a silence and some requests."""
    error = {"message": f"contract {uuid.uuid4().hex}", "severity": "high", "context": {"attempt": None}}
    assert system.call("POST", "/api/errors", system.ingest_key, error)[0] == 202
    rows = [{"method": "GET", "route": "/contract", "status_code": 200, "response_time_ms": n} for n in range(30)]
    assert system.call("POST", "/api/requests", system.ingest_key, rows)[0] == 202
    silence = {"matchers": {"rule_id": "no_such_rule"}, "reason": "contract", "ends_at": "2999-01-01T00:00:00Z"}
    assert system.call("POST", "/api/silences", "", silence)[0] == 201
    system.eventually(lambda: system.get("/api/errors")["items"], what="the group")
    system.eventually(lambda: system.get("/api/alerts")["items"], what="the alert")
    routes = "/api/metrics/system"
    system.eventually(lambda: "/contract" in {r["route"] for r in system.get(routes)["api"]["by_route"]}, what="the requests")
    system.eventually(lambda: system.get("/api/health")["monitor"]["last_cycle_at"], what="the first cycle")
    return system


MODELLED = [route for method, route, _address, _role in ROUTES if method == "GET" and operation(method, route).answer]


@pytest.mark.parametrize("route", MODELLED)
def test_an_answer_is_exactly_its_model_and_every_null_has_its_reason(route: str, busy: System) -> None:
    address = route
    if "{id}" in route:
        address = route.replace("{id}", busy.get(route.partition("/{")[0])["items"][0]["id"])
    check_answer("GET", route, busy.get(address))


def test_the_reduced_health_is_of_the_same_model(busy: System) -> None:
    found = busy.get("/api/health", None)
    check_answer("GET", "/api/health", found)
    assert set(found) == {"status", "timestamp", "services", "queue", "errors", "unknown"}


def test_sending_is_answered_with_what_was_taken_and_what_was_not(system: System) -> None:
    good: dict[str, Any] = {"method": "get", "route": "/x?token=1", "status_code": 200, "response_time_ms": 12.5}
    bad = [{**good, "status_code": 42}, {**good, "response_time_ms": -1}, {**good, "at": "yesterday"}, 7, {"method": "GET"}]
    status, body, _headers = system.call("POST", "/api/requests", "", [good, *bad])
    assert status == 202
    check_answer("POST", "/api/requests", body)
    assert (body["accepted"], len(body["ids"])) == (1, 1)
    fields = [(item["index"], item["field"]) for item in body["rejected"]]
    assert fields == [(1, "status_code"), (2, "response_time_ms"), (3, "at"), (4, ""), (5, "status_code")]
    status, body, _headers = system.call("POST", "/api/requests", "", bad[0])
    assert (status, body["accepted"], body["ids"], body["error"]["code"]) == (422, 0, [], "all_rejected")
    assert system.call("POST", "/api/requests", "", [])[0] == 422
    assert system.call("POST", "/api/requests", "", [good] * 1001)[0] == 422
    assert system.call("POST", "/api/requests", "", b"{")[0] == 400
    assert system.call("POST", "/api/requests", "", b"x", {"content-type": "text/plain"})[0] == 415


def test_actions_answer_with_what_they_changed_in_full(busy: System) -> None:
    reason = {"reason": "contract"}
    alert = busy.get("/api/alerts")["items"][0]["id"]
    status, body, _headers = busy.call("POST", f"/api/alerts/{alert}/acknowledge", "", reason)
    assert status == 200
    check_answer("POST", "/api/alerts/{id}/acknowledge", body)
    group = busy.get("/api/errors")["items"][0]["id"]
    for action in ("ignore", "reopen", "resolve"):
        status, body, _headers = busy.call("POST", f"/api/errors/{group}/{action}", "", reason)
        assert status == 200, body
        check_answer("POST", "/api/errors/{id}/{action}", body)
    status, body, _headers = busy.call("POST", "/api/rules/memory_usage/disable", "", reason)
    assert status == 200
    check_answer("POST", "/api/rules/{id}/{action}", body)
    assert busy.call("POST", "/api/rules/memory_usage/enable", "", reason)[0] == 200
    silence = {"matchers": {"service": "no_such_service"}, "reason": "contract", "ends_at": "2999-01-01T00:00:00Z"}
    status, body, _headers = busy.call("POST", "/api/silences", "", silence)
    assert status == 201
    check_answer("POST", "/api/silences", body)
    assert busy.call("DELETE", f"/api/silences/{body['id']}")[0] == 204
