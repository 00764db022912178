"""The API contract seen from outside: who may call what, and the exact shape of each response."""

import uuid
from typing import Any

import pytest

from callwatch.api.methods import list_methods
from callwatch.api.routes import ROUTES as TABLE
from local.system import System
from tests.support.api_contract import check_response

NO_EVENT = "0" * 32
# Method, route, a path that changes nothing, and who may call it.
ROUTES = [
    ("GET", "/api/health", "/api/health", None),
    ("GET", "/api/status", "/api/status", "viewer"),
    ("GET", "/api/overview", "/api/overview", "viewer"),
    ("GET", "/api/metrics/system", "/api/metrics/system", "viewer"),
    ("GET", "/api/metrics/jobs", "/api/metrics/jobs", "viewer"),
    ("GET", "/api/metrics/errors", "/api/metrics/errors", "viewer"),
    ("GET", "/api/metrics/history", "/api/metrics/history", "viewer"),
    ("GET", "/api/metrics/prometheus", "/api/metrics/prometheus", "viewer"),
    ("GET", "/api/pipeline", "/api/pipeline", "viewer"),
    ("GET", "/api/metrics/costs", "/api/metrics/costs", "viewer"),
    ("GET", "/api/pipeline/{stage}/items", "/api/pipeline/transcriptions/items?state=stuck", "viewer"),
    ("POST", "/api/pipeline/{stage}/replay", "/api/pipeline/no_such_stage/replay", "admin"),
    ("GET", "/api/calls/{id}", "/api/calls/00000000-0000-4000-8000-000000000000", "viewer"),
    ("POST", "/api/errors", "/api/errors", "ingest"),
    ("POST", "/api/requests", "/api/requests", "ingest"),
    ("GET", "/api/errors", "/api/errors", "viewer"),
    ("GET", "/api/errors/{id}", "/api/errors/999999", "viewer"),
    ("POST", "/api/errors/{id}/{action}", "/api/errors/999999/resolve", "admin"),
    ("GET", "/api/alerts", "/api/alerts", "viewer"),
    ("GET", "/api/alerts/{id}", "/api/alerts/999999", "viewer"),
    ("POST", "/api/alerts/{id}/acknowledge", "/api/alerts/999999/acknowledge", "admin"),
    ("GET", "/api/incidents", "/api/incidents", "viewer"),
    ("GET", "/api/incidents/{id}", "/api/incidents/999999", "viewer"),
    ("POST", "/api/incidents/{id}/{action}", "/api/incidents/999999/take", "admin"),
    ("GET", "/api/incidents/{id}/postmortem", "/api/incidents/999999/postmortem", "viewer"),
    ("GET", "/api/incidents/{id}/publication", "/api/incidents/999999/publication", "viewer"),
    ("POST", "/api/incidents/{id}/publication", "/api/incidents/999999/publication", "admin"),
    ("GET", "/api/status-page/subscribers", "/api/status-page/subscribers", "admin"),
    ("POST", "/api/status-page/subscribers", "/api/status-page/subscribers", "admin"),
    ("DELETE", "/api/status-page/subscribers/{id}", "/api/status-page/subscribers/999999", "admin"),
    ("POST", "/api/errors/bulk", "/api/errors/bulk", "admin"),
    ("DELETE", "/api/errors", f"/api/errors?user_hash={NO_EVENT}", "admin"),
    ("DELETE", "/api/errors/{id}", "/api/errors/999999", "admin"),
    ("GET", "/api/errors/{id}/occurrences/{event_id}", f"/api/errors/999999/occurrences/{NO_EVENT}", "viewer"),
    ("DELETE", "/api/errors/{id}/occurrences/{event_id}", f"/api/errors/999999/occurrences/{NO_EVENT}", "admin"),
    ("GET", "/api/crons", "/api/crons", "viewer"),
    ("GET", "/api/silences", "/api/silences", "viewer"),
    ("POST", "/api/silences", "/api/silences", "admin"),
    ("DELETE", "/api/silences/{id}", "/api/silences/999999", "admin"),
    ("GET", "/api/rules", "/api/rules", "viewer"),
    ("POST", "/api/rules/{id}/{action}", "/api/rules/no_such_rule/test", "admin"),
    ("POST", "/api/rules", "/api/rules", "admin"),
    ("PUT", "/api/rules/{id}", "/api/rules/no_such_rule", "admin"),
    ("DELETE", "/api/rules/{id}", "/api/rules/no_such_rule", "admin"),
    ("POST", "/api/rules/dry-run", "/api/rules/dry-run", "viewer"),
    ("GET", "/api/routes", "/api/routes", "viewer"),
    ("PUT", "/api/routes", "/api/routes", "admin"),
    ("POST", "/api/routes/dry-run", "/api/routes/dry-run", "viewer"),
    ("GET", "/api/channels", "/api/channels", "viewer"),
    ("POST", "/api/channels/{name}/test", "/api/channels/no_such_channel/test", "admin"),
    ("GET", "/api/uptime", "/api/uptime", "viewer"),
    ("POST", "/api/access", "/api/access", "ingest"),
    ("GET", "/api/access", "/api/access", "admin"),
    ("GET", "/api/reports/weekly", "/api/reports/weekly", "viewer"),
    ("POST", "/api/session", "/api/session", "viewer"),
    ("DELETE", "/api/session", "/api/session", "viewer"),
    ("POST", "/api/mcp", "/api/mcp", "viewer"),
    ("GET", "/api/ingest", "/api/ingest", "viewer"),
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


def read_token(system: System, caller: str) -> str | None:
    tokens = {"none": None, "wrong": "x" * 32, "ingest": system.ingest_key, "viewer": system.viewer_token}
    return {**tokens, "admin": system.admin_token}[caller]


def check_headers(headers: dict[str, str]) -> None:
    assert SECURITY.items() <= headers.items()
    assert headers["x-request-id"]
    assert headers["x-response-time"].endswith("ms")


@pytest.mark.parametrize(("method", "route", "address", "role"), ROUTES, ids=[f"{m} {r}" for m, r, _a, _o in ROUTES])
def test_each_route_enforces_its_role_in_one_error_format(
    method: str, route: str, address: str, role: str | None, system: System
) -> None:
    for caller in ("none", "wrong", "ingest", "viewer", "admin"):
        given: dict[str, Any] | None = {} if method in ("POST", "PUT") else None
        status, body, headers = system.call(method, address, read_token(system, caller), given)
        check_headers(headers)
        if caller in MAY_PASS[role] and route == "/api/mcp":
            # This protocol has errors of its own for a message that is none.
            assert (status, body["error"]["code"]) == (400, -32600)
            continue
        if caller in MAY_PASS[role]:
            assert status in (200, 204, 404, 422), (caller, status, body)
        else:
            assert status == (401 if caller in ("none", "wrong") else 403), (caller, status, body)
            assert ("www-authenticate" in headers) == (status == 401)
        if status >= 400 and route not in ("/api/errors", "/api/requests", "/api/access"):
            assert set(body) == {"error"}
            assert set(body["error"]) == {"code", "message", "request_id"}
            assert body["error"]["request_id"] == headers["x-request-id"]


def test_every_route_of_the_document_is_among_them() -> None:
    documented = {(route.method, route.path, route.role) for route in TABLE.values() if route.is_documented}
    assert {(method, route, role) for method, route, _address, role in ROUTES} == documented


def test_what_has_no_route_is_the_gateways_own_404(system: System) -> None:
    nothing = (
        ("GET", "/api/nothing"),
        ("PUT", "/api/a/b/c/d"),
        ("GET", "/api/status/"),
        ("DELETE", "/api"),
        ("POST", "/nothing"),
    )
    for method, address in nothing:
        status, body, _headers = system.call(method, address)
        assert (status, body) == (404, {"message": "Not Found"}), (method, address)


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
def test_other_methods_of_a_known_path_are_405(method: str, system: System) -> None:
    addresses = {address for _method, _route, address, _role in ROUTES} | {"/api/1/envelope/", "/api/external/grafana"}
    for address in sorted(addresses):
        known = list_methods(address.partition("?")[0]) or ("POST",)
        # This one's own function answers, after it has seen the token.
        is_mcp = address == "/api/mcp" and method in ("GET", "HEAD", "DELETE")
        if is_mcp or method in known:
            continue
        status, body, headers = system.call(method, address)
        assert status == 405, (method, address, status)
        assert headers["allow"] == ", ".join(known), address
        if method != "HEAD":
            assert body["error"]["code"] == "method_not_allowed"
        check_headers(headers)


def test_any_page_may_send_an_envelope_and_read_the_answer(system: System) -> None:
    page = {"origin": "https://shop.example", "access-control-request-method": "POST"}
    for address in ("/api/1/envelope/", "/api/1/envelope?sentry_key=x", "/api/1/store/"):
        status, _body, headers = system.call("OPTIONS", address, None, headers=page)
        assert (status, headers["access-control-allow-origin"]) == (204, "*"), address
        assert "x-sentry-auth" in headers["access-control-allow-headers"]
    key = system.dsn.partition("//")[2].partition("@")[0]
    sent = {"origin": "https://shop.example", "content-type": "text/plain;charset=UTF-8"}
    for query, expected in ((f"?sentry_key={key}&sentry_version=7", 200), ("?sentry_key=" + "0" * 32, 401), ("", 401)):
        envelope = b'{}\n{"type":"session"}\n{}\n'
        status, _body, headers = system.call("POST", f"/api/1/envelope/{query}", None, envelope, sent)
        assert (status, headers["access-control-allow-origin"]) == (expected, "*")
        assert "x-sentry-rate-limits" in headers["access-control-expose-headers"]


def test_other_routes_are_for_the_configured_page_alone(system: System) -> None:
    for origin, allowed in (("https://ops.example.com", "https://ops.example.com"), ("https://shop.example", None)):
        page = {"origin": origin, "access-control-request-method": "GET"}
        for address in ("/api/status", "/api/errors/7", "/api/metrics/system"):
            status, _body, headers = system.call("OPTIONS", address, None, headers=page)
            assert (status, headers.get("access-control-allow-origin")) == (204, allowed), (origin, address)
            found = system.call("GET", address, headers={"origin": origin})[2]
            assert found.get("access-control-allow-origin") == allowed, (origin, address)


def test_a_wrong_token_on_health_is_nobody(system: System) -> None:
    for token in (None, "x" * 32, system.ingest_key):
        assert "environment" not in system.get("/api/health", token)
    assert "environment" in system.get("/api/health", system.viewer_token)


@pytest.fixture(scope="module")
def busy(system: System) -> System:
    """Yield the system with an error group, an alert, a silence and some requests."""
    error = {"message": f"contract {uuid.uuid4().hex}", "severity": "high", "context": {"attempt": None}}
    assert system.call("POST", "/api/errors", system.ingest_key, error)[0] == 202
    rows = [{"method": "GET", "route": "/contract", "status_code": 200, "response_time_ms": n} for n in range(30)]
    assert system.call("POST", "/api/requests", system.ingest_key, rows)[0] == 202
    silence = {"matchers": {"rule_id": "no_such_rule"}, "reason": "contract", "ends_at": "2999-01-01T00:00:00Z"}
    assert system.call("POST", "/api/silences", "", silence)[0] == 201
    system.wait_until(lambda: system.get("/api/errors")["items"], what="the group")
    system.wait_until(lambda: system.get("/api/alerts")["items"], what="the alert")
    system.wait_until(lambda: system.get("/api/incidents")["items"], what="the incident")
    routes = "/api/metrics/system"
    system.wait_until(lambda: "/contract" in {r["route"] for r in system.get(routes)["api"]["by_route"]}, what="the requests")
    system.wait_until(lambda: system.get("/api/health")["monitor"]["last_cycle_at"], what="the first cycle")
    return system


TEXTS = ("/api/metrics/prometheus", "/api/openapi.json", "/api/incidents/{id}/postmortem")
# No call is there; tests/database/test_one_call.py checks the shape of one.
SHAPED = [route for method, route, _a, _role in ROUTES if method == "GET" and route not in (*TEXTS, "/api/calls/{id}")]


@pytest.mark.parametrize("route", SHAPED)
def test_response_fits_its_shape_and_explains_nulls(route: str, busy: System) -> None:
    address = route.replace("{stage}/items", "transcriptions/items?state=stuck")
    if "{id}" in route:
        address = route.replace("{id}", busy.get(route.partition("/{")[0])["items"][0]["id"])
    if "{event_id}" in route:
        occurrences = busy.get(address.partition("/occurrences/")[0])["occurrences"]
        address = address.replace("{event_id}", occurrences[0]["event_id"])
    check_response("GET", route, busy.get(address))


def test_the_reduced_health_is_of_the_same_model(busy: System) -> None:
    found = busy.get("/api/health", None)
    check_response("GET", "/api/health", found)
    assert set(found) == {"status", "timestamp", "services", "queue", "errors", "unknown"}


def test_ingest_response_counts_accepted_and_rejected(system: System) -> None:
    good: dict[str, Any] = {"method": "get", "route": "/x?token=1", "status_code": 200, "response_time_ms": 12.5}
    bad = [{**good, "status_code": 42}, {**good, "response_time_ms": -1}, {**good, "at": "yesterday"}, 7, {"method": "GET"}]
    status, body, _headers = system.call("POST", "/api/requests", "", [good, *bad])
    assert status == 202
    check_response("POST", "/api/requests", body)
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
    check_response("POST", "/api/alerts/{id}/acknowledge", body)
    incident = busy.get("/api/incidents?state=open")["items"][0]["id"]
    for action, said in (("take", reason), ("note", {"note": "contract"}), ("release", reason), ("resolve", reason)):
        status, body, _headers = busy.call("POST", f"/api/incidents/{incident}/{action}", "", said)
        assert status == 200, body
        check_response("POST", "/api/incidents/{id}/{action}", body)
    group = busy.get("/api/errors")["items"][0]["id"]
    for action in ("ignore", "reopen", "resolve"):
        status, body, _headers = busy.call("POST", f"/api/errors/{group}/{action}", "", reason)
        assert status == 200, body
        check_response("POST", "/api/errors/{id}/{action}", body)
    status, body, _headers = busy.call("POST", "/api/rules/memory_usage/disable", "", reason)
    assert status == 200
    check_response("POST", "/api/rules/{id}/{action}", body)
    assert busy.call("POST", "/api/rules/memory_usage/enable", "", reason)[0] == 200
    silence = {"matchers": {"service": "no_such_service"}, "reason": "contract", "ends_at": "2999-01-01T00:00:00Z"}
    status, body, _headers = busy.call("POST", "/api/silences", "", silence)
    assert status == 201
    check_response("POST", "/api/silences", body)
    assert busy.call("DELETE", f"/api/silences/{body['id']}")[0] == 204
