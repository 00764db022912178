"""Sessions on the running system: a token is exchanged once, and the cookie then opens what the token opens."""

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

from local.system import System

HEADER = {"x-callwatch-session": "1"}


def send(system: System, method: str, path: str, **headers: str) -> tuple[int, Any, dict[str, str]]:
    """Send a request as a browser does; return status, body and headers."""
    conn = http.client.HTTPConnection(urlsplit(system.url).netloc, timeout=30)
    conn.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    response = conn.getresponse()
    text = response.read()
    conn.close()
    return response.status, json.loads(text) if text else None, {name.lower(): value for name, value in response.getheaders()}


def sign_in(system: System, token: str) -> str:
    status, body, headers = send(system, "POST", "/api/session", authorization=f"Bearer {token}")
    assert status == 200, body
    assert token not in json.dumps([body, headers])
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(headers["set-cookie"].split("; "))
    return headers["set-cookie"].partition(";")[0]


def test_a_session_has_the_role_of_its_token(system: System) -> None:
    for token, role in ((system.viewer_token, "viewer"), (system.admin_token, "admin")):
        cookie = sign_in(system, token)
        status, body, _headers = send(system, "GET", "/api/overview", cookie=cookie, **HEADER)
        assert (status, body["caller"]["role"]) == (200, role)
        status, body, _headers = send(system, "GET", "/api/health", cookie=cookie, **HEADER)
        assert "resources" in body
        status, _body, _headers = send(system, "POST", "/api/silences", cookie=cookie, **HEADER)
        assert status == (403 if role == "viewer" else 400)


def test_a_cookie_alone_opens_nothing(system: System) -> None:
    cookie = sign_in(system, system.admin_token)
    for headers in ({}, {**HEADER, "sec-fetch-site": "cross-site"}, {**HEADER, "sec-fetch-site": "same-site"}):
        assert send(system, "GET", "/api/status", cookie=cookie, **headers)[0] == 401
        assert send(system, "POST", "/api/rules/memory_usage/test", cookie=cookie, **headers)[0] == 401
        assert "resources" not in send(system, "GET", "/api/health", cookie=cookie, **headers)[1]


def test_signing_out_ends_one_session_or_all(system: System) -> None:
    first, second, third = (sign_in(system, system.viewer_token) for _ in range(3))
    admin = sign_in(system, system.admin_token)

    def is_open(cookie: str) -> bool:
        return send(system, "GET", "/api/alerts", cookie=cookie, **HEADER)[0] == 200

    status, _body, headers = send(system, "DELETE", "/api/session", cookie=first, **HEADER)
    assert (status, "Max-Age=0" in headers["set-cookie"]) == (204, True)
    assert (is_open(first), is_open(second)) == (False, True)
    assert send(system, "DELETE", "/api/session?everywhere=yes", cookie=second, **HEADER)[0] == 204
    assert (is_open(third), is_open(admin)) == (False, True)
    assert is_open(sign_in(system, system.viewer_token))


def test_a_session_cannot_prolong_itself(system: System) -> None:
    cookie = sign_in(system, system.admin_token)
    assert send(system, "POST", "/api/session", cookie=cookie, **HEADER)[0] == 401
    assert send(system, "POST", "/api/session", authorization=f"Bearer {system.ingest_key}")[0] == 403
    foreign = {"sec-fetch-site": "cross-site"}
    assert send(system, "POST", "/api/session", authorization=f"Bearer {system.admin_token}", **foreign)[0] == 403


def test_plain_http_to_another_machine_has_no_session(system: System) -> None:
    status, body, headers = send(
        system, "POST", "/api/session", authorization=f"Bearer {system.admin_token}", host="ops.example.com"
    )
    assert (status, body["error"]["code"]) == (409, "session_needs_https")
    assert "set-cookie" not in headers
