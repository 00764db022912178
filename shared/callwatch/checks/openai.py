"""OpenAI: is the key good, is there quota, does it answer."""

from callwatch.checks.probe import Answer, ask, judge_status, judged
from callwatch.checks.verdict import Verdict, not_configured
from callwatch.settings import Settings


def check(settings: Settings, timeout_s: float) -> Verdict:
    """GET /v1/models: 401 the key; 429 is the quota where its code says so, else the rate (OpenAI API reference)."""
    if not settings.openai_api_key:
        return not_configured()
    headers = {"authorization": f"Bearer {settings.openai_api_key}"}
    return judged(ask("GET", f"{settings.openai_api_url}/v1/models", headers, None, timeout_s), _judge)


def _judge(answer: Answer) -> Verdict:
    status, reason = judge_status(answer.status)
    if answer.status in (402, 403, 429) and _is_about_money(answer.body):
        return Verdict("unhealthy", "quota", answer.latency_ms)
    if status == "healthy" and not answer.is_json:
        # A page of a proxy in between; the list of models itself may be longer than what is read of it.
        return Verdict("degraded", "error", answer.latency_ms)
    return Verdict(status, reason, answer.latency_ms)


def _is_about_money(body: object) -> bool:
    """insufficient_quota, billing_hard_limit_reached, billing_not_active, ... in the error's code or type."""
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return False
    codes = [str(error.get(name)).lower() for name in ("code", "type")]
    return any(code == "insufficient_quota" or "billing" in code for code in codes)
