"""The middleware around HTTP functions."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg2
import pytest

from callwatch.api.http import Request, Response
from callwatch.api.routes import Route
from callwatch.exceptions import (
    ConfigurationError,
    DatabaseUnavailable,
    Invalid,
    NotFound,
    QueueUnavailable,
    RequestRefused,
)
from callwatch.models.role import Role
from callwatch.runtime.endpoint import endpoint, parse_request
from callwatch.runtime.responses import find_status
from callwatch.runtime.sign_ins import failed_sign_ins, issuer_failures
from callwatch.tracker import error_tracker

EVENTS = Path(__file__).resolve().parents[2] / "events"


class Context:
    aws_request_id = "11111111-2222-3333-4444-555555555555"
    memory_limit_in_mb = "256"
    function_name = "get_status"

    def get_remaining_time_in_millis(self) -> int:
        return 5000


@pytest.fixture
def captured(monkeypatch: pytest.MonkeyPatch) -> list[BaseException]:
    found: list[BaseException] = []
    monkeypatch.setattr(error_tracker, "track_error", lambda error, *args, **kwargs: found.append(error))
    monkeypatch.setattr(error_tracker, "flush", lambda: None)
    return found


def event(role: str = "viewer") -> dict[str, Any]:
    found: dict[str, Any] = json.loads((EVENTS / "get_status.json").read_text())
    found["requestContext"]["authorizer"]["lambda"] = {"role": role, "actor": "ana"}
    return found


def route(role: Role | None, status: int = 200) -> Route[Any, Any]:
    return Route("GET", "/api/status", role, "A route of this test.", status=status)


def call(handle: Any, role: Role | None = "viewer", caller: str = "viewer") -> tuple[int, Any, dict[str, str]]:
    answer = endpoint(route(role))(handle)(event(caller), Context())
    return answer["statusCode"], json.loads(answer["body"]), answer["headers"]


def failing(error: Exception) -> Any:
    def handle(_request: Request) -> None:
        raise error

    return handle


@pytest.mark.parametrize(
    ("needed", "caller", "status"),
    [
        ("viewer", "none", 401),
        ("viewer", "ingest", 403),
        ("viewer", "viewer", 200),
        ("viewer", "admin", 200),
        ("admin", "viewer", 403),
        ("admin", "admin", 200),
        ("ingest", "viewer", 403),
        ("ingest", "ingest", 200),
        ("ingest", "admin", 200),
        (None, "none", 200),
    ],
)
def test_roles(needed: Role | None, caller: str, status: int, captured: list[BaseException]) -> None:
    found, body, headers = call(lambda request: {"by": request.actor}, needed, caller)
    assert found == status
    assert (found == 401) == ("www-authenticate" in headers)
    assert ("error" in body) == (status >= 400)


def test_every_answer_carries_its_headers(captured: list[BaseException]) -> None:
    handles: list[Any] = [lambda _request: {}, failing(ValueError("x")), failing(NotFound("short"))]
    for handle in handles:
        _status, _body, headers = call(handle)
        assert headers["cache-control"] == "no-store"
        assert headers["x-request-id"] == Context.aws_request_id
        assert headers["x-response-time"].endswith("ms")
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in headers["content-security-policy"]


def test_unexpected_exception_is_captured_without_details(captured: list[BaseException]) -> None:
    secret = ValueError("SELECT password FROM users at /var/task/x.py")
    status, body, _headers = call(failing(secret))
    assert (status, body["error"]["code"]) == (500, "internal_error")
    assert body["error"]["request_id"] == Context.aws_request_id
    assert "SELECT" not in json.dumps(body)
    assert captured == [secret]


def test_known_failures_become_their_answers(captured: list[BaseException]) -> None:
    expected = [
        (DatabaseUnavailable("connection refused"), 503, "database_unavailable"),
        (psycopg2.OperationalError("server closed the connection"), 503, "database_unavailable"),
        (QueueUnavailable("no answer", 3), 503, "queue_unavailable"),
        (ConfigurationError("TIMEZONE must be ..."), 500, "misconfigured"),
        (Invalid("limit", "must be a number"), 422, "invalid_field"),
    ]
    for error, status, code in expected:
        found, body, headers = call(failing(error))
        assert (found, body["error"]["code"]) == (status, code)
        assert ("retry-after" in headers) == (status == 503)
    assert len(captured) == 4, "a caller's own mistake is not an error of ours"


def list_kinds(kind: type[RequestRefused] = RequestRefused) -> list[type[RequestRefused]]:
    """Every kind of refusal."""
    return [found for below in kind.__subclasses__() for found in (below, *list_kinds(below))]


def test_every_kind_of_refusal_has_a_status() -> None:
    assert len(list_kinds()) > 10
    for kind in list_kinds():
        refusal = kind.__new__(kind)
        assert 400 <= find_status(refusal) < 600
        assert kind.code != RequestRefused.code, "clients tell the kinds apart"


def test_text_answers_keep_their_type_and_empty_ones_have_none(captured: list[BaseException]) -> None:
    text = endpoint(route(None))(lambda _request: Response(200, "up 1\n", {"content-type": "text/plain"}))(event(), Context())
    assert (text["body"], text["headers"]["content-type"]) == ("up 1\n", "text/plain")
    empty = endpoint(route(None))(lambda _request: Response(204, None))(event(), Context())
    assert "body" not in empty
    assert "content-type" not in empty["headers"]


def test_a_body_that_is_not_base64_is_400(captured: list[BaseException]) -> None:
    broken = event() | {"body": "%%%", "isBase64Encoded": True}
    with pytest.raises(RequestRefused, match="decoded"):
        parse_request(broken, "id")


def test_figure_that_is_no_number_is_an_error(captured: list[BaseException]) -> None:
    status, body, _headers = call(lambda _request: {"value": float("nan")})
    assert (status, body["error"]["code"]) == (500, "internal_error")
    assert len(captured) == 1


def call_as(caller: dict[str, Any], method: str = "GET", role: Role | None = "viewer") -> tuple[int, str, dict[str, str]]:
    given = event()
    given["requestContext"]["authorizer"]["lambda"] = caller
    given["requestContext"]["http"]["method"] = method
    answer = endpoint(route(role))(lambda _request: {"secret": "figures"})(given, Context())
    return answer["statusCode"], answer["body"], answer["headers"]


@pytest.mark.parametrize("role", ["viewer", None])
@pytest.mark.parametrize("caller", ["none", "viewer", "admin"])
def test_used_up_caller_is_429_before_any_work(role: Role | None, caller: str) -> None:
    def work(_request: Request) -> None:
        raise AssertionError("worked")

    given = event()
    given["requestContext"]["authorizer"]["lambda"] = {"role": caller, "actor": "ana", "retry_after_s": 7}
    answer = endpoint(route(role))(work)(given, Context())
    assert (answer["statusCode"], answer["headers"]["retry-after"]) == (429, "7")
    error = json.loads(answer["body"])["error"]
    assert error["code"] == "rate_limited"
    assert "try again in 7 s" in error["message"]


def test_failed_sign_in_is_counted_and_still_401(monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[str] = []
    monkeypatch.setattr(failed_sign_ins, "add", counted.append)
    assert call_as({"role": "none", "actor": "anonymous", "sign_in": "failed"})[0] == 401
    assert call_as({"role": "none", "actor": "anonymous"})[0] == 401
    assert len(counted) == 1


@pytest.mark.parametrize(
    ("sign_in", "status", "message", "is_failed", "is_report"),
    [
        ("failed", 401, "send a valid token", True, False),
        ("expired", 401, "the sign-in has expired; sign in again", False, False),
        ("unavailable", 401, "the sign-in service of the organization does not respond", False, True),
        ("no_role", 403, "in no group with a role here", False, False),
        ("of a later version", 401, "send a valid token", False, False),
    ],
)
def test_sign_in_without_a_role_says_why(
    monkeypatch: pytest.MonkeyPatch, sign_in: str, status: int, message: str, is_failed: bool, is_report: bool
) -> None:
    failed: list[str] = []
    reports: list[str] = []
    monkeypatch.setattr(failed_sign_ins, "add", failed.append)
    monkeypatch.setattr(issuer_failures, "add", reports.append)
    caller = {"role": "none", "actor": "anonymous", "sign_in": sign_in}
    found, body, _headers = call_as(caller)
    assert (found, bool(failed), bool(reports)) == (status, is_failed, is_report)
    assert message in json.loads(body)["error"]["message"]
    assert call_as(caller, role=None)[0] == 200, "what needs no role is for everybody"


def test_head_is_a_get_without_its_body() -> None:
    viewer = {"role": "viewer", "actor": "ana"}
    status, body, headers = call_as(viewer)
    assert "figures" in body
    head = call_as(viewer, "HEAD")
    assert head[:2] == (status, "")
    assert head[2].keys() == headers.keys()
    assert head[2]["content-type"] == headers["content-type"]
    assert call_as({"role": "none"}, "HEAD")[:2] == (401, "")


@pytest.mark.parametrize(
    ("expected", "sent", "status"),
    [
        ("", None, 200),
        ("", "anything", 200),
        ("known", "known", 200),
        ("known", None, 403),
        ("known", "", 403),
        ("known", "ü", 403),
    ],
)
def test_stack_may_admit_only_what_comes_through_cloudfront(
    expected: str, sent: str | None, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORIGIN_SECRET", expected)
    found = event()
    handled: list[Request] = []
    if sent is not None:
        found["headers"]["X-Callwatch-Origin"] = sent

    def handle(request: Request) -> dict[str, Any]:
        handled.append(request)
        return {}

    answer = endpoint(route("viewer"))(handle)(found, Context())
    assert (answer["statusCode"], bool(handled)) == (status, status == 200)
    if status == 403:
        assert "dashboard's domain" in answer["body"]


@pytest.mark.parametrize(("fails", "commits"), [(False, 1), (True, 0)])
def test_transaction_is_committed_only_by_a_success(fails: bool, commits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    conn = SimpleNamespace(commit=lambda: done.append("commit"))

    @contextlib.contextmanager
    def connect(statement_timeout_ms: int) -> Iterator[Any]:
        assert statement_timeout_ms > 0
        yield conn

    def work(_request: Request, given: Any) -> dict[str, str]:
        assert given is conn
        if fails:
            raise NotFound("nothing has this id")
        return {"id": "7"}

    monkeypatch.setattr("callwatch.db.connection", connect)
    answer = endpoint(route("viewer", status=201), transaction=True)(work)(event(), Context())
    assert (answer["statusCode"], done) == (404 if fails else 201, ["commit"] * commits)
