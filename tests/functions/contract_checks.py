"""Checks that schemathesis applies to every answer, loaded by SCHEMATHESIS_HOOKS.

CONTRACT_TOKEN is the token of the run, CONTRACT_ROLE its role.
"""

import os
from typing import Any

import schemathesis

from callwatch.api.routes import ROUTES

_MAY_PASS = {
    None: {"none", "ingest", "viewer", "admin"},
    "viewer": {"viewer", "admin"},
    "ingest": {"ingest", "admin"},
    "admin": {"admin"},
}
_REFUSALS = {400, 401, 403, 404, 409, 413, 415, 422, 429, 503}
_ROLES = {(route.method, route.path): route.role for route in ROUTES.values()}
# What the gateway itself answers before any function is asked: no route, a body it cannot read, too many requests.
_GATEWAY_ANSWERS = {400: "Bad Request", 404: "Not Found", 413: "Request Entity Too Large", 429: "Too Many Requests"}


@schemathesis.check
def role_decides(_context: Any, response: Any, case: Any) -> None:
    """Nobody gets further than the route's role lets them, and who may pass is not refused for the role."""
    role, status = _read_role(response), response.status_code
    if _is_from_gateway(response):
        return
    wanted = _ROLES[case.operation.method.upper(), case.operation.path]
    if role in _MAY_PASS[wanted]:
        # A key of one project that names another one in the query is refused for that, and says so.
        is_foreign_project = status == 403 and "project" in (case.query or {})
        assert is_foreign_project or status not in (401, 403), f"{role} may pass and got {status}"
    else:
        assert status in ((401, 429) if role == "none" else (403, 429)), f"{role} may not pass and got {status}"


@schemathesis.check
def refusal_has_contract_shape(_context: Any, response: Any, case: Any) -> None:
    """Every refusal has a status of the contract, and says what is wrong in its one form."""
    status = response.status_code
    if status < 400 or _is_from_gateway(response):
        return
    # Health answers 503 with its whole body.
    if status == 503 and case.operation.path == "/api/health":
        return
    assert status in _REFUSALS, f"{status} is no status of the contract"
    body = response.json()
    if case.operation.path == "/api/mcp" and status == 400:
        # A message of JSON-RPC has errors of JSON-RPC.
        for error in body if isinstance(body, list) else [body]:
            assert set(error) == {"jsonrpc", "id", "error"}
            assert error["error"]["code"] in (-32700, -32600)
        return
    if case.operation.path not in ("/api/errors", "/api/requests", "/api/access"):
        assert set(body) == {"error"}, f"the answer also has {sorted(body)}"
    error = body["error"]
    assert set(error) == {"code", "message", "request_id"}
    assert all(isinstance(value, str) and value for value in error.values())
    assert error["request_id"] == _first(response.headers.get("x-request-id"))


def _read_role(response: Any) -> str:
    """The role of the token that was really sent: some cases of the coverage phase leave the header out, or send another."""
    sent = str(_first(response.request.headers.get("authorization")) or "")
    return os.environ["CONTRACT_ROLE"] if sent == f"Bearer {os.environ['CONTRACT_TOKEN']}" else "none"


def _is_from_gateway(response: Any) -> bool:
    try:
        return bool(response.json() == {"message": _GATEWAY_ANSWERS.get(response.status_code)})
    except ValueError:
        return False


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, list) else value
