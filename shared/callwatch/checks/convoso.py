"""Convoso: is the token good, does it answer; it may say no inside a 200."""

import re
from typing import Any
from urllib.parse import urlencode

from callwatch.checks.probe import Answer, ask, judge_status, judged
from callwatch.checks.verdict import Verdict, not_configured
from callwatch.models.check import Reason, Status
from callwatch.settings import Settings

_AUTH_CODES = frozenset({"401", "403", "4001"})
_AUTH_WORDS = re.compile(r"\bauth(?!ors?\b)|token\b|\bpermission|\bforbidden\b|\bunauthori[sz]ed\b", re.IGNORECASE)
_RATE_WORDS = re.compile(r"\brate.?limit|\btoo many\b|\bthrottl", re.IGNORECASE)


def check(settings: Settings, timeout_s: float) -> Verdict:
    """POST /v1/campaigns/search as a form, the token in its body: a URL would end up in logs."""
    if not settings.convoso_auth_token:
        return not_configured()
    form = urlencode({"auth_token": settings.convoso_auth_token, "limit": "1"}).encode()
    headers = {"content-type": "application/x-www-form-urlencoded"}
    return judged(ask("POST", f"{settings.convoso_api_url}/v1/campaigns/search", headers, form, timeout_s), _judge)


def _judge(answer: Answer) -> Verdict:
    status, reason = judge_status(answer.status)
    if status == "healthy":
        status, reason = _judge_body(answer)
    return Verdict(status, reason, answer.latency_ms)


def _judge_body(answer: Answer) -> tuple[Status, Reason | None]:
    """`success` may be absent from a good answer, and long ones are read in part only; `false` is a no, by code or words."""
    if not isinstance(answer.body, dict):
        return ("healthy", None) if answer.is_json and answer.body is None else ("degraded", "error")
    if answer.body.get("success") not in (False, "false"):
        return "healthy", None
    code, words = str(answer.body.get("code", "")), _words(answer.body)
    if code in _AUTH_CODES or _AUTH_WORDS.search(words):
        return "unhealthy", "auth"
    if code == "429" or _RATE_WORDS.search(words):
        return "degraded", "rate_limited"
    return ("unhealthy", "quota") if code == "402" else ("degraded", "error")


def _words(body: dict[str, Any]) -> str:
    return " ".join(str(body[name]) for name in ("text", "message", "error") if name in body)
