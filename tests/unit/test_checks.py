"""The vendor checks, against a vendor that responds in every faulty way."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from callwatch.checks import convoso, deepgram, openai
from callwatch.checks.http_service import build_checker
from callwatch.checks.probe_result import ProbeResult
from callwatch.checks.registry import BUILT_IN, list_checks
from callwatch.checks.run import run_checks
from callwatch.settings import Settings, load_settings
from simulator.fake_vendor import Script, Vendor, respond

KEY = "key-that-must-not-show"
SHORT_S = 0.3
# A shorter deadline than in production: the same code, but faster.
CHECKS: dict[str, Callable[[Settings, float], ProbeResult]] = {
    "deepgram": deepgram.check,
    "openai": openai.check,
    "convoso": convoso.check,
}


@pytest.fixture(scope="module")
def vendor() -> Iterator[Vendor]:
    with Vendor() as found:
        yield found


def settings_for(url: str, **more: str) -> Settings:
    names = dict.fromkeys(("DEEPGRAM_API_KEY", "OPENAI_API_KEY", "CONVOSO_AUTH_TOKEN"), KEY)
    bases = {f"{name}_API_URL": url for name in ("DEEPGRAM", "OPENAI", "CONVOSO")}
    return load_settings({**names, **bases, **more})


def judged(name: str, vendor: Vendor, script: Script, timeout_s: float = 2.0) -> tuple[str, str | None]:
    vendor.script = script
    verdict = CHECKS[name](settings_for(vendor.url), timeout_s)
    assert (verdict.latency_ms is None) == (verdict.reason in ("timeout", "unreachable") or script.is_cut)
    return verdict.status, verdict.reason


MODELS = {"object": "list", "data": [{"id": "gpt-4o"}]}
QUOTA = {"error": {"message": "You exceeded your current quota", "type": "insufficient_quota", "code": "insufficient_quota"}}
BILLING = {"error": {"message": "Billing hard limit reached", "code": "billing_hard_limit_reached"}}
RATE = {"error": {"message": "Rate limit reached", "type": "requests", "code": "rate_limit_exceeded"}}
HUGE = b'{"data": [' + b'{"id": "a-model-of-many"},' * 200_000 + b'{"id": "last"}]}'
PAGE = b"<!doctype html><title>Welcome to the guest network</title>"

EVERYWHERE: list[tuple[str, Script, tuple[str, str | None]]] = [
    ("200", respond(200, MODELS), ("healthy", None)),
    ("401", respond(401, {"error": {"code": "invalid_api_key"}}), ("unhealthy", "auth")),
    ("402", respond(402), ("unhealthy", "quota")),
    ("403", respond(403), ("unhealthy", "auth")),
    ("429", respond(429, RATE), ("degraded", "rate_limited")),
    ("429 with a page", respond(429, PAGE), ("degraded", "rate_limited")),
    ("404", respond(404), ("degraded", "error")),
    ("500", respond(500, PAGE), ("degraded", "error")),
    ("503", respond(503), ("degraded", "error")),
    ("a redirect", respond(302, headers={"location": "http://127.0.0.1:9/elsewhere"}), ("degraded", "error")),
    ("a page instead of JSON", respond(200, PAGE), ("degraded", "error")),
    ("cut short", respond(200, MODELS, is_cut=True), ("degraded", "error")),
    ("a connection that ends", Script(is_rude=True), ("degraded", "unreachable")),
]


@pytest.mark.parametrize("name", sorted(CHECKS))
@pytest.mark.parametrize(
    ("script", "expected"), [(s, e) for _name, s, e in EVERYWHERE], ids=[name for name, _s, _e in EVERYWHERE]
)
def test_each_answer_has_its_reason(name: str, script: Script, expected: Any, vendor: Vendor) -> None:
    assert judged(name, vendor, script) == expected


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_slow_but_timely_response_is_healthy_with_latency(name: str, vendor: Vendor) -> None:
    vendor.script = respond(200, MODELS, delay_s=0.1)
    verdict = CHECKS[name](settings_for(vendor.url), 5.0)
    assert verdict.status == "healthy"
    assert verdict.latency_ms is not None
    assert verdict.latency_ms >= 100


@pytest.mark.parametrize("name", sorted(CHECKS))
@pytest.mark.parametrize(
    "script",
    [Script(is_silent=True), respond(200, MODELS, delay_s=5), respond(200, MODELS, drip_s=0.02)],
    ids=["never answers", "late", "drips forever"],
)
def test_an_answer_that_takes_too_long_is_a_timeout(name: str, script: Script, vendor: Vendor) -> None:
    assert judged(name, vendor, script, SHORT_S) == ("degraded", "timeout")


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_nobody_at_the_address_is_unreachable(name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    verdict = CHECKS[name](settings_for(f"http://127.0.0.1:{port}"), 2.0)
    assert verdict == ProbeResult("degraded", "unreachable", None)


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_a_name_that_does_not_resolve_is_unreachable(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_given: Any, **_named: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert CHECKS[name](settings_for("http://vendor.invalid"), 2.0).reason == "unreachable"


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_without_a_key_a_vendor_is_not_configured_and_not_asked(name: str) -> None:
    assert CHECKS[name](load_settings({}), 0.001) == ProbeResult("unknown", "not_configured", None)


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (429, QUOTA, ("unhealthy", "quota")),
        (429, BILLING, ("unhealthy", "quota")),
        (429, {"error": {"type": "billing_not_active"}}, ("unhealthy", "quota")),
        (403, BILLING, ("unhealthy", "quota")),
        (429, {"error": "text"}, ("degraded", "rate_limited")),
        (429, [], ("degraded", "rate_limited")),
        (401, QUOTA, ("unhealthy", "auth")),
        (200, HUGE, ("healthy", None)),
    ],
)
def test_openai_code_distinguishes_quota_from_rate_limit(status: int, body: Any, expected: Any, vendor: Vendor) -> None:
    assert judged("openai", vendor, respond(status, body)) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"success": True, "data": []}, ("healthy", None)),
        ({"data": []}, ("healthy", None)),
        (HUGE, ("healthy", None)),
        ({"success": False, "code": 401, "text": "no"}, ("unhealthy", "auth")),
        ({"success": False, "code": 4001}, ("unhealthy", "auth")),
        ({"success": False, "code": 9, "text": "Invalid auth_token"}, ("unhealthy", "auth")),
        ({"success": "false", "message": "Permission denied"}, ("unhealthy", "auth")),
        ({"success": False, "code": 429}, ("degraded", "rate_limited")),
        ({"success": False, "text": "Too many requests"}, ("degraded", "rate_limited")),
        ({"success": False, "code": 402}, ("unhealthy", "quota")),
        ({"success": False, "code": 5000, "text": "No author of campaigns"}, ("degraded", "error")),
        ({"success": False}, ("degraded", "error")),
        ([], ("degraded", "error")),
    ],
)
def test_convoso_may_say_no_inside_a_200(body: Any, expected: Any, vendor: Vendor) -> None:
    assert judged("convoso", vendor, respond(200, body)) == expected


def test_vendor_request_fits_its_api_without_key_in_the_url(vendor: Vendor) -> None:
    vendor.script = respond(200, MODELS)
    vendor.requests.clear()
    for check in CHECKS.values():
        check(settings_for(vendor.url + "/prefix"), 2.0)
    to_deepgram, to_openai, to_convoso = vendor.requests
    assert to_deepgram.startswith("GET /prefix/v1/auth/token HTTP/1.1\r\n")
    assert f"authorization: Token {KEY}\r\n" in to_deepgram
    assert to_openai.startswith("GET /prefix/v1/models HTTP/1.1\r\n")
    assert f"authorization: Bearer {KEY}\r\n" in to_openai
    assert to_convoso.startswith("POST /prefix/v1/campaigns/search HTTP/1.1\r\n")
    assert to_convoso.endswith(f"\r\n\r\nauth_token={KEY}&limit=1")
    assert all(KEY not in request.partition("\r\n")[0] for request in vendor.requests)


def test_a_service_is_added_by_configuration_alone(vendor: Vendor) -> None:
    entry = f'{{"name": "crm", "url": "{vendor.url}/up?full=1", "expect_status": 204, "headers": {{"x-key": "{KEY}"}}}}'
    settings = load_settings({"HTTP_CHECKS": f"[{entry}]"})
    assert list(list_checks(settings)) == [*BUILT_IN, "crm"]
    vendor.script = Script(status=204, body=b"", headers={})
    vendor.requests.clear()
    assert run_checks(settings, 2.0)["crm"].status == "healthy"
    assert vendor.requests[-1].startswith("GET /up?full=1 HTTP/1.1\r\n")
    assert f"x-key: {KEY}\r\n" in vendor.requests[-1]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (respond(200), ("healthy", None)),
        (respond(200, PAGE), ("healthy", None)),
        (respond(204), ("degraded", "error")),
        (respond(301), ("degraded", "error")),
        (respond(401), ("unhealthy", "auth")),
        (respond(429), ("degraded", "rate_limited")),
        (respond(500), ("degraded", "error")),
        (respond(200, is_cut=True), ("degraded", "error")),
        (Script(is_silent=True), ("degraded", "timeout")),
    ],
)
def test_service_is_evaluated_by_its_expected_status(script: Script, expected: Any, vendor: Vendor) -> None:
    vendor.script = script
    verdict = build_checker({"name": "crm", "url": vendor.url})(load_settings({}), SHORT_S if script.is_silent else 2.0)
    assert (verdict.status, verdict.reason) == expected


def test_hanging_name_servers_delay_no_other_check(vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()
    resolve = socket.getaddrinfo

    def hang(host: Any, *given: Any, **named: Any) -> Any:
        if host == "hung.example":
            released.wait(30)
        return resolve(host, *given, **named)

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    vendor.script = respond(200, MODELS)
    settings = settings_for(vendor.url, DEEPGRAM_API_URL="http://hung.example", CONVOSO_API_URL="https://hung.example")
    started = time.monotonic()
    try:
        verdicts = run_checks(settings, SHORT_S)
    finally:
        released.set()
    assert time.monotonic() - started < 10, "it would have hung for 30 s"
    assert {name: (v.status, v.reason) for name, v in verdicts.items()} == {
        "database": ("unhealthy", "unreachable"),
        "deepgram": ("degraded", "timeout"),
        "openai": ("healthy", None),
        "convoso": ("degraded", "timeout"),
    }


def test_broken_check_costs_only_itself_and_shows_no_key(vendor: Vendor, caplog: pytest.LogCaptureFixture) -> None:
    vendor.script = respond(200, MODELS)
    settings = settings_for(vendor.url).replace(deepgram_api_key=f"{KEY}\nx: y")
    verdicts = run_checks(settings, 2.0)
    assert verdicts["deepgram"] == ProbeResult("degraded", "error", None)
    assert verdicts["openai"].status == "healthy"
    assert "ValueError" in str([record.__dict__ for record in caplog.records])
    assert KEY not in str([record.__dict__ for record in caplog.records])


def test_no_body_is_kept_in_what_a_check_finds(vendor: Vendor) -> None:
    vendor.script = respond(401, {"error": {"message": "private words of the vendor"}})
    assert all("private" not in repr(verdict) for verdict in run_checks(settings_for(vendor.url), 2.0).values())
