"""The middleware around HTTP functions."""

import json
from pathlib import Path
from typing import Any

import psycopg2
import pydantic
import pytest

from callwatch.exceptions import ConfigurationError, DatabaseUnavailable, QueueUnavailable
from callwatch.http import HttpError, Request, Response, unprocessable
from callwatch.runtime.endpoint import Role, endpoint, request_from
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


def call(handle: Any, role: Role | None = "viewer", caller: str = "viewer") -> tuple[int, Any, dict[str, str]]:
    answer = endpoint(role)(handle)(event(caller), Context())
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
    handles: list[Any] = [lambda _request: {}, failing(ValueError("x")), failing(HttpError(418, "teapot", "short"))]
    for handle in handles:
        _status, _body, headers = call(handle)
        assert headers["cache-control"] == "no-store"
        assert headers["x-request-id"] == Context.aws_request_id
        assert headers["x-response-time"].endswith("ms")
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in headers["content-security-policy"]


def test_an_unexpected_exception_is_captured_and_says_nothing_of_itself(captured: list[BaseException]) -> None:
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
        (ConfigurationError("TIMEZONE takes ..."), 500, "misconfigured"),
        (unprocessable("limit", "takes a number"), 422, "invalid_field"),
    ]
    for error, status, code in expected:
        found, body, headers = call(failing(error))
        assert (found, body["error"]["code"]) == (status, code)
        assert ("retry-after" in headers) == (status == 503)
    assert len(captured) == 4, "a caller's own mistake is not an error of ours"


def test_a_refused_model_names_the_field(captured: list[BaseException]) -> None:
    class Body(pydantic.BaseModel):
        reason: str

    status, body, _headers = call(lambda _request: Body.model_validate({}))
    assert status == 422
    assert body["error"]["message"].startswith("reason: ")


def test_text_answers_keep_their_type_and_empty_ones_have_none(captured: list[BaseException]) -> None:
    text = endpoint(None)(lambda _request: Response(200, "up 1\n", {"content-type": "text/plain"}))(event(), Context())
    assert (text["body"], text["headers"]["content-type"]) == ("up 1\n", "text/plain")
    empty = endpoint(None)(lambda _request: Response(204))(event(), Context())
    assert "body" not in empty
    assert "content-type" not in empty["headers"]


def test_a_body_that_is_not_base64_is_400(captured: list[BaseException]) -> None:
    broken = event() | {"body": "%%%", "isBase64Encoded": True}
    with pytest.raises(HttpError, match="decoded"):
        request_from(broken, "id")


def test_a_figure_that_is_not_a_number_is_an_error_and_never_sent(captured: list[BaseException]) -> None:
    status, body, _headers = call(lambda _request: {"value": float("nan")})
    assert (status, body["error"]["code"]) == (500, "internal_error")
    assert len(captured) == 1
