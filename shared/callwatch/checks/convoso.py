"""Checks Convoso: whether it responds and accepts the token. It may report failure inside a 200."""

import re
from urllib.parse import urlencode

from callwatch.checks.probe import ProbeResponse, evaluate_response, evaluate_status, send_probe
from callwatch.checks.probe_result import ProbeResult, report_not_configured
from callwatch.models.check import Reason, Status
from callwatch.settings import Settings

_AUTH_CODES = frozenset({"401", "403", "4001"})
_AUTH_WORDS = re.compile(r"\bauth(?!ors?\b)|token\b|\bpermission|\bforbidden\b|\bunauthori[sz]ed\b", re.IGNORECASE)
_RATE_WORDS = re.compile(r"\brate.?limit|\btoo many\b|\bthrottl", re.IGNORECASE)


def check(settings: Settings, timeout_s: float) -> ProbeResult:
    """POST /v1/campaigns/search as a form with the token in the body, since URLs end up in logs."""
    if not settings.convoso_auth_token:
        return report_not_configured()
    form = urlencode({"auth_token": settings.convoso_auth_token, "limit": "1"}).encode()
    headers = {"content-type": "application/x-www-form-urlencoded"}
    return evaluate_response(
        send_probe("POST", f"{settings.convoso_api_url}/v1/campaigns/search", headers, form, timeout_s), _evaluate
    )


def _evaluate(response: ProbeResponse) -> ProbeResult:
    status, reason = evaluate_status(response.status)
    if status == "healthy":
        status, reason = _evaluate_body(response)
    return ProbeResult(status, reason, response.latency_ms)


def _evaluate_body(response: ProbeResponse) -> tuple[Status, Reason | None]:
    """Evaluate the body: `success` may be absent from a good response, and a long one is read only in part; `false` fails."""
    if not isinstance(response.body, dict):
        return ("healthy", None) if response.is_json and response.body is None else ("degraded", "error")
    if response.body.get("success") not in (False, "false"):
        return "healthy", None
    code, words = str(response.body.get("code", "")), _list_words(response.body)
    if code in _AUTH_CODES or _AUTH_WORDS.search(words):
        return "unhealthy", "auth"
    if code == "429" or _RATE_WORDS.search(words):
        return "degraded", "rate_limited"
    return ("unhealthy", "quota") if code == "402" else ("degraded", "error")


def _list_words(body: dict[str, object]) -> str:
    return " ".join(str(body[name]) for name in ("text", "message", "error") if name in body)
