"""Deepgram: is the key good, is there credit, does it answer."""

from callwatch.checks.probe import Answer, ask, judge_status, judged
from callwatch.checks.verdict import Verdict, not_configured
from callwatch.settings import Settings


def check(settings: Settings, timeout_s: float) -> Verdict:
    """GET /v1/auth/token: 401/403 the key, 402 no credit, 429 the rate (Deepgram API reference)."""
    if not settings.deepgram_api_key:
        return not_configured()
    headers = {"authorization": f"Token {settings.deepgram_api_key}"}
    return judged(ask("GET", f"{settings.deepgram_api_url}/v1/auth/token", headers, None, timeout_s), _judge)


def _judge(answer: Answer) -> Verdict:
    status, reason = judge_status(answer.status)
    if status == "healthy" and not isinstance(answer.body, dict):
        # A page of a proxy in between.
        return Verdict("degraded", "error", answer.latency_ms)
    return Verdict(status, reason, answer.latency_ms)
