"""Any service that answers over HTTP, by configuration alone."""

from collections.abc import Callable, Mapping
from typing import Any

from callwatch.checks.probe import Failure, ask, judge_status
from callwatch.checks.verdict import Verdict
from callwatch.settings import Settings


def checker(configured: Mapping[str, Any]) -> Callable[[Settings, float], Verdict]:
    """A check of one entry of HTTP_CHECKS: name, url, expect_status (200)."""

    def check(_settings: Settings, timeout_s: float) -> Verdict:
        found = ask("GET", configured["url"], {}, None, timeout_s)
        if isinstance(found, Failure):
            return Verdict("degraded", found.reason, found.latency_ms)
        if found.status == int(configured.get("expect_status", 200)):
            return Verdict("healthy", None, found.latency_ms)
        status, reason = judge_status(found.status)
        return Verdict("degraded" if status == "healthy" else status, reason or "error", found.latency_ms)

    return check
