"""Checks OpenAI: whether it responds and accepts the key, and whether there is quota."""

from callwatch.checks.probe import ProbeResponse, evaluate_response, evaluate_status, send_probe
from callwatch.checks.probe_result import ProbeResult, report_not_configured
from callwatch.settings import Settings


def check(settings: Settings, timeout_s: float) -> ProbeResult:
    """GET /v1/models: 401 the key; 429 is the quota if its code says so, otherwise the rate (OpenAI API reference)."""
    if not settings.openai_api_key:
        return report_not_configured()
    headers = {"authorization": f"Bearer {settings.openai_api_key}"}
    return evaluate_response(send_probe("GET", f"{settings.openai_api_url}/v1/models", headers, None, timeout_s), _evaluate)


def _evaluate(response: ProbeResponse) -> ProbeResult:
    status, reason = evaluate_status(response.status)
    if response.status in (402, 403, 429) and _is_about_money(response.body):
        return ProbeResult("unhealthy", "quota", response.latency_ms)
    if status == "healthy" and not response.is_json:
        # A page of a proxy in between; the list of models may be longer than the part that is read.
        return ProbeResult("degraded", "error", response.latency_ms)
    return ProbeResult(status, reason, response.latency_ms)


def _is_about_money(body: object) -> bool:
    """Whether the error's code or type is about payment: insufficient_quota, billing_hard_limit_reached, ..."""
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return False
    codes = [str(error.get(name)).lower() for name in ("code", "type")]
    return any(code == "insufficient_quota" or "billing" in code for code in codes)
