"""Checks any HTTP service by configuration alone."""

from collections.abc import Callable

from callwatch.checks.probe import ProbeResponse, evaluate_response, evaluate_status, send_probe
from callwatch.checks.probe_result import ProbeResult
from callwatch.settings import HttpCheck, Settings


def build_checker(configured: HttpCheck) -> Callable[[Settings, float], ProbeResult]:
    """Create the check of one entry of HTTP_CHECKS: name, url, expect_status (200), method (GET), headers."""
    expected = configured.get("expect_status", 200)

    def evaluate(response: ProbeResponse) -> ProbeResult:
        if response.status == expected:
            return ProbeResult("healthy", None, response.latency_ms)
        status, reason = evaluate_status(response.status)
        return ProbeResult("degraded" if status == "healthy" else status, reason or "error", response.latency_ms)

    def check(_settings: Settings, timeout_s: float) -> ProbeResult:
        return evaluate_response(
            send_probe(configured.get("method", "GET"), configured["url"], configured.get("headers", {}), None, timeout_s),
            evaluate,
        )

    return check
