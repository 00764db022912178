"""OpenAI: is the key good, is there quota, does it answer."""

from callwatch.checks.probe import Answer, Failure, ask, judge_status
from callwatch.checks.verdict import Verdict, not_configured
from callwatch.settings import Settings

_QUOTA_CODES = ("insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "account_deactivated")


def check(settings: Settings, timeout_s: float) -> Verdict:
    """GET /v1/models: 401 the key; 429 is the quota where its code says so, else the rate (OpenAI API reference)."""
    if not settings.openai_api_key:
        return not_configured()
    headers = {"authorization": f"Bearer {settings.openai_api_key}"}
    found = ask("GET", f"{settings.openai_api_url}/v1/models", headers, None, timeout_s)
    if isinstance(found, Failure):
        return Verdict("degraded", found.reason, found.latency_ms)
    return _judge(found)


def _judge(answer: Answer) -> Verdict:
    error = answer.body.get("error") if isinstance(answer.body, dict) else None
    codes = {str(error.get(name)) for name in ("code", "type")} if isinstance(error, dict) else set()
    if answer.status in (402, 403, 429) and any(code in _QUOTA_CODES or "billing" in code for code in codes):
        return Verdict("unhealthy", "quota", answer.latency_ms)
    status, reason = judge_status(answer.status)
    # The list of models is longer than what is read of it, so a healthy answer need not parse.
    return Verdict(status, reason, answer.latency_ms)
