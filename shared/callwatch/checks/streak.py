"""From single probes to a service's status: failures and successes in a row decide."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from callwatch.checks.verdict import Verdict
from callwatch.models.check import CheckResult, Reason, Status

FAILURES_TO_UNHEALTHY = 3
SUCCESSES_TO_HEALTHY = 2
# Ours to mend, and no retry will: they count at once.
_AT_ONCE = frozenset({"auth", "quota"})


def next_state(known: Mapping[str, Any] | None, verdict: Verdict) -> dict[str, Any]:
    """The service's state after one more probe.

    known: the stored state (status, reason, failures, successes), None before the first.
    Returns the same fields. A service is unhealthy after 3 failures in a row and healthy again after 2 successes;
    auth and quota count at once; unknown leaves no streak. Being told to slow down is no outage, however often it is
    said: it leaves the service degraded, and the count of failures where it was.
    """
    if verdict.status == "unknown":
        return {"status": "unknown", "reason": verdict.reason, "failures": 0, "successes": 0}
    before = known or {"status": "unknown", "reason": None, "failures": 0, "successes": 0}
    if verdict.status == "healthy":
        return _after_success(before)
    if verdict.reason == "rate_limited":
        return {"status": "degraded", "reason": verdict.reason, "failures": int(before["failures"]), "successes": 0}
    failures = int(before["failures"]) + 1
    is_down = verdict.status == "unhealthy" or verdict.reason in _AT_ONCE
    is_down = is_down or failures >= FAILURES_TO_UNHEALTHY or before["status"] == "unhealthy"
    status: Status = "unhealthy" if is_down else "degraded"
    return {"status": status, "reason": verdict.reason, "failures": failures, "successes": 0}


def result_of(service: str, verdict: Verdict, state: Mapping[str, Any], at: datetime) -> CheckResult:
    """The check's result: the status by streak, with what this probe measured."""
    status: Status = state["status"]
    reason: Reason | None = state["reason"]
    return CheckResult(service, status, verdict.latency_ms, reason, at, verdict.details)


def _after_success(before: Mapping[str, Any]) -> dict[str, Any]:
    successes = int(before["successes"]) + 1
    if before["status"] == "unhealthy" and successes < SUCCESSES_TO_HEALTHY:
        kept = {name: before[name] for name in ("status", "reason", "failures")}
        return {**kept, "successes": successes}
    return {"status": "healthy", "reason": None, "failures": 0, "successes": successes}
