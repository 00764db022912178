"""Sends one HTTP request to a service and evaluates the response; status and body determine the reason."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from callwatch.checks.probe_result import ProbeResult
from callwatch.models.check import Reason, Status

if TYPE_CHECKING:
    from callwatch.http_client.client import HttpResponse


@dataclass(frozen=True, slots=True)
class ProbeResponse:
    """A response: status code, body as JSON (None if it is not JSON), latency in ms.

    is_json is also true if the body is longer than the part that is read and begins like JSON.
    """

    status: int
    body: Any
    is_json: bool
    latency_ms: float


@dataclass(frozen=True, slots=True)
class Failure:
    """No usable response; `detail` adds to the reason where needed."""

    reason: Reason
    detail: str = ""


def send_probe(
    method: str, url: str, headers: Mapping[str, str], body: bytes | None, timeout_s: float
) -> ProbeResponse | Failure:
    """Send one request; redirects are not followed, and the timeout covers the whole exchange."""
    # Health for anonymous callers, which is most of its use, sends none.
    from callwatch.http_client.client import RequestFailed, send_request

    try:
        # A check changes nothing at the service, so another address of it may be asked too.
        response = send_request(method, url, headers, body, timeout_s, is_repeatable=True)
    except RequestFailed as error:
        return Failure(error.reason, error.detail if error.reason == "tls" else "")
    return Failure(response.body_error) if response.body_error else _parse_response(response)


def evaluate_response(found: ProbeResponse | Failure, evaluate: Callable[[ProbeResponse], ProbeResult]) -> ProbeResult:
    """Evaluate a response; a missing one makes a service unhealthy only after several in a row (status_machine.py)."""
    if isinstance(found, Failure):
        return ProbeResult("degraded", found.reason, None, {"detail": found.detail} if found.detail else {})
    return evaluate(found)


def evaluate_status(status: int) -> tuple[Status, Reason | None]:
    """Evaluate an HTTP status: 401/403 the key, 402 the credit, 429 the rate, 5xx the service."""
    if 200 <= status < 300:
        return "healthy", None
    if status in (401, 403):
        return "unhealthy", "auth"
    if status == 402:
        return "unhealthy", "quota"
    if status == 429:
        return "degraded", "rate_limited"
    return "degraded", "error"


def _parse_response(response: "HttpResponse") -> ProbeResponse:
    try:
        return ProbeResponse(response.status, json.loads(response.body), True, response.latency_ms)
    except (ValueError, RecursionError):
        is_beginning = response.is_truncated and response.body.lstrip()[:1] in (b"{", b"[")
        return ProbeResponse(response.status, None, is_beginning, response.latency_ms)
