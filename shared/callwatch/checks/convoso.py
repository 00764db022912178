"""Convoso: is the token good, does it answer; it may say no inside a 200."""

from urllib.parse import urlencode

from callwatch.checks.probe import Answer, Failure, ask, judge_status
from callwatch.checks.verdict import Verdict, not_configured
from callwatch.settings import Settings


def check(settings: Settings, timeout_s: float) -> Verdict:
    """POST /v1/campaigns/search as a form, the token in its body: a URL would end up in logs."""
    if not settings.convoso_auth_token:
        return not_configured()
    form = urlencode({"auth_token": settings.convoso_auth_token, "limit": "1"}).encode()
    headers = {"content-type": "application/x-www-form-urlencoded"}
    found = ask("POST", f"{settings.convoso_api_url}/v1/campaigns/search", headers, form, timeout_s)
    if isinstance(found, Failure):
        return Verdict("degraded", found.reason, found.latency_ms)
    return _judge(found)


def _judge(answer: Answer) -> Verdict:
    status, reason = judge_status(answer.status)
    if status != "healthy":
        return Verdict(status, reason, answer.latency_ms)
    if not isinstance(answer.body, dict):
        return Verdict("degraded", "error", answer.latency_ms)
    if answer.body.get("success") is not False:
        return Verdict("healthy", None, answer.latency_ms)
    code, text = str(answer.body.get("code", "")), str(answer.body.get("text", answer.body.get("message", ""))).lower()
    is_auth = code in ("401", "403", "4001") or "auth" in text or "token" in text or "permission" in text
    return Verdict("unhealthy" if is_auth else "degraded", "auth" if is_auth else "error", answer.latency_ms)
