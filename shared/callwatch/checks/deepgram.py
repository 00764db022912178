"""Checks Deepgram: whether it responds and accepts the key, and whether there is credit."""

from callwatch.checks.probe import ProbeResponse, evaluate_response, evaluate_status, send_probe
from callwatch.checks.probe_result import ProbeResult, report_not_configured
from callwatch.settings import Settings


def check(settings: Settings, timeout_s: float) -> ProbeResult:
    """GET /v1/auth/token: 401/403 the key, 402 no credit, 429 the rate (Deepgram API reference)."""
    if not settings.deepgram_api_key:
        return report_not_configured()
    headers = {"authorization": f"Token {settings.deepgram_api_key}"}
    return evaluate_response(send_probe("GET", f"{settings.deepgram_api_url}/v1/auth/token", headers, None, timeout_s), _evaluate)


def _evaluate(response: ProbeResponse) -> ProbeResult:
    status, reason = evaluate_status(response.status)
    if status == "healthy" and not isinstance(response.body, dict):
        # A page of a proxy in between.
        return ProbeResult("degraded", "error", response.latency_ms)
    return ProbeResult(status, reason, response.latency_ms)
