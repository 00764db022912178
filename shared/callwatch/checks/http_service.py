"""Any service that answers over HTTP, by configuration alone."""

from collections.abc import Callable, Mapping
from typing import Any

from callwatch.checks.probe import Answer, ask, judge_status, judged
from callwatch.checks.verdict import Verdict
from callwatch.settings import Settings


def checker(configured: Mapping[str, Any]) -> Callable[[Settings, float], Verdict]:
    """A check of one entry of HTTP_CHECKS: name, url, expect_status (200), headers."""
    expected = configured.get("expect_status", 200)

    def judge(answer: Answer) -> Verdict:
        if answer.status == expected:
            return Verdict("healthy", None, answer.latency_ms)
        status, reason = judge_status(answer.status)
        return Verdict("degraded" if status == "healthy" else status, reason or "error", answer.latency_ms)

    def check(_settings: Settings, timeout_s: float) -> Verdict:
        return judged(ask("GET", configured["url"], configured.get("headers", {}), None, timeout_s), judge)

    return check
