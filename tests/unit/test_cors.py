"""Pages of other origins: any may use the Sentry protocol, and those of CORS_ORIGINS everything."""

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from callwatch.api.routes import GET_STATUS, Route
from callwatch.exceptions import TooLarge, TooManyRequests, Unavailable
from callwatch.runtime.endpoint import endpoint
from callwatch.settings import reset_settings
from callwatch.settings.values import parse_project_origins
from callwatch.tracker import error_tracker

ROOT = Path(__file__).resolve().parents[2]
KEY = "0123456789abcdef0123456789abcdef"
OURS = "https://ops.example.com"
# What SDKs and the browser itself put into a request; a preflight names them.
SENT_BY_SDKS = {"content-type", "x-sentry-auth", "x-requested-with", "origin", "accept", "authentication", "authorization"}
SENT_BY_SDKS |= {"content-encoding", "transfer-encoding", "sentry-trace", "baggage"}


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, value in (("INGEST_KEYS", f"1:{KEY}"), ("USER_HASH_KEY", "k" * 64), ("CORS_ORIGINS", f"https://a.example, {OURS}")):
        monkeypatch.setenv(name, value)
    reset_settings()
    yield
    reset_settings()


@pytest.fixture(scope="module")
def ingest() -> Any:
    spec = importlib.util.spec_from_file_location("ingest_envelope", ROOT / "functions" / "ingest_envelope.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def event(method: str, path: str, origin: str | None, **changes: Any) -> dict[str, Any]:
    """Build the event of a request; the path of the Sentry protocol has its variables."""
    name = "ingest_envelope" if path.startswith("/api/1/") or method == "OPTIONS" else "get_status"
    found: dict[str, Any] = json.loads((ROOT / "events" / f"{name}.json").read_text())
    found["requestContext"]["http"] |= {"method": method, "path": path}
    found["headers"].pop("x-sentry-auth", None)
    if origin is not None:
        found["headers"]["origin"] = origin
    return {**found, **changes}


def answer(handler: Any, request: dict[str, Any]) -> tuple[int, dict[str, str]]:
    result = handler(request, None)
    return result["statusCode"], result["headers"]


def split(value: str) -> set[str]:
    return {part.strip().lower() for part in value.split(",")}


@pytest.mark.parametrize("origin", ["https://shop.example", OURS, "null", None])
@pytest.mark.parametrize("proxy", ["envelope/", "envelope", "store/", "cron/nightly/key/"])
def test_any_page_may_ask_before_it_sends_an_event(origin: str | None, proxy: str, ingest: Any) -> None:
    status, headers = answer(ingest.lambda_handler, event("OPTIONS", f"/api/1/{proxy}", origin))
    assert (status, headers["access-control-allow-origin"]) == (204, "*")
    assert split(headers["access-control-allow-methods"]) == {"post", "options"}
    assert split(headers["access-control-allow-headers"]) >= SENT_BY_SDKS
    assert int(headers["access-control-max-age"]) > 0
    assert "access-control-allow-credentials" not in headers


# Without an item, nothing goes to a queue.
ENVELOPE = "{}\n"
QUERY = {"queryStringParameters": {"sentry_key": KEY, "sentry_version": "7"}}


@pytest.mark.parametrize(
    ("status", "changes"),
    [
        (200, {**QUERY, "body": ENVELOPE}),
        (400, {**QUERY, "body": "*", "isBase64Encoded": True}),
        (400, {**QUERY, "body": "not an envelope"}),
        (401, {"body": ENVELOPE}),
        (404, {**QUERY, "pathParameters": {"project": "1", "proxy": "nothing/"}}),
    ],
)
def test_any_page_may_read_each_answer_to_an_event(status: int, changes: dict[str, Any], ingest: Any) -> None:
    found, headers = answer(ingest.lambda_handler, event("POST", "/api/1/envelope/", "https://shop.example", **changes))
    assert (found, headers["access-control-allow-origin"]) == (status, "*")
    assert split(headers["access-control-expose-headers"]) == {"x-sentry-rate-limits", "retry-after", "x-sentry-error"}


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (TooLarge("an envelope too large"), 413),
        (TooManyRequests("the queue is throttled"), 429),
        (Unavailable("the queue is away", code="queue_unavailable"), 503),
        (RuntimeError("unexpected"), 500),
    ],
)
def test_any_page_may_read_a_failure(failure: Exception, expected: int, ingest: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_given: Any) -> None:
        raise failure

    monkeypatch.setattr(ingest, "parse", fail)
    monkeypatch.setattr(error_tracker, "track_error", lambda *_given, **_more: None)
    status, headers = answer(ingest.lambda_handler, event("POST", "/api/1/envelope/", "https://shop.example", **QUERY))
    assert (status, headers["access-control-allow-origin"]) == (expected, "*")


@pytest.mark.parametrize("path", ["/api/status", "/api/errors/7", "/api/errors/7/resolve", "/api/errors", "/api/1", "/api/x1/y"])
def test_other_routes_let_the_configured_page_ask(path: str, ingest: Any) -> None:
    status, headers = answer(ingest.lambda_handler, event("OPTIONS", path, OURS))
    assert (status, headers["access-control-allow-origin"], headers["vary"]) == (204, OURS, "origin")
    assert split(headers["access-control-allow-methods"]) == {"get", "head", "post", "put", "delete"}
    assert "authorization" in split(headers["access-control-allow-headers"])
    status, headers = answer(ingest.lambda_handler, event("OPTIONS", path, "https://evil.example"))
    assert (status, [name for name in headers if name.startswith("access-control-")]) == (204, [])
    assert answer(ingest.lambda_handler, event("OPTIONS", path, None))[0] == 404


def read_status(origin: str | None, route: Route[Any, Any] = GET_STATUS) -> dict[str, str]:
    return answer(endpoint(route)(lambda _request: {}), event("GET", "/api/status", origin))[1]


def test_other_answers_are_for_the_configured_pages_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    headers = read_status(OURS)
    assert (headers["access-control-allow-origin"], headers["vary"]) == (OURS, "origin")
    assert "x-request-id" in split(headers["access-control-expose-headers"])
    # Neither a part of an allowed origin, nor one with more behind it.
    for origin in (
        "https://evil.example",
        f"{OURS}.evil.example",
        "https://ops",
        "",
        "*",
        "null",
        f"{OURS}, https://a.example",
        None,
    ):
        assert [name for name in read_status(origin) if name.startswith("access-control-")] == [], origin
    monkeypatch.setenv("CORS_ORIGINS", "")
    assert "access-control-allow-origin" not in read_status(OURS)
    assert "access-control-allow-origin" not in read_status("")


LISTED = "https://shop.example"


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pages of two origins send to project 1; every page may send to others."""
    monkeypatch.setenv("INGEST_ORIGINS", f"1:{LISTED}, 1:https://www.shop.example,2:https://b.example")
    reset_settings()


@pytest.mark.parametrize(
    ("origin", "is_allowed"), [(LISTED, True), ("https://www.shop.example", True), (OURS, False), ("null", False)]
)
def test_project_takes_the_pages_of_its_origins(ingest: Any, listed: None, origin: str, is_allowed: bool) -> None:
    headers = {"x-sentry-auth": f"Sentry sentry_key={KEY}", "origin": origin}
    status, found = answer(ingest.lambda_handler, event("POST", "/api/1/envelope/", None, headers=headers, body="{}"))
    assert (status == 403) is not is_allowed
    assert found.get("access-control-allow-origin") == (origin if is_allowed else None)
    assert found["vary"] == "origin"
    _status, preflight = answer(ingest.lambda_handler, event("OPTIONS", "/api/1/envelope/", origin))
    assert preflight.get("access-control-allow-origin") == (origin if is_allowed else None)
    assert ("access-control-allow-methods" in preflight) is is_allowed


def test_program_without_an_origin_may_send(ingest: Any, listed: None) -> None:
    headers = {"x-sentry-auth": f"Sentry sentry_key={KEY}"}
    assert answer(ingest.lambda_handler, event("POST", "/api/1/envelope/", None, headers=headers, body="{}"))[0] != 403


def test_unlisted_project_takes_any_page(ingest: Any, listed: None) -> None:
    _status, preflight = answer(ingest.lambda_handler, event("OPTIONS", "/api/3/envelope/", OURS))
    assert preflight["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("raw", ["https://a.example", "x:https://a.example", "1:a.example", "1:https://a.example/path", "1"])
def test_odd_list_of_origins_is_refused(raw: str) -> None:
    with pytest.raises(ValueError, match="such as"):
        parse_project_origins(raw)
