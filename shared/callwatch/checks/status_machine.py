"""Derives a service's status from consecutive failures and successes of its probes."""

from datetime import datetime
from typing import TypedDict

from callwatch.checks.probe_result import ProbeResult
from callwatch.models.check import CheckResult, Reason, Status

FAILURES_TO_UNHEALTHY = 3
SUCCESSES_TO_HEALTHY = 2
# Only the owners can fix these, and no retry does, so they count at once.
_AT_ONCE = frozenset({"auth", "quota"})


class State(TypedDict):
    """The state of a service: its status, and how many probes in a row failed or succeeded."""

    status: Status
    reason: Reason | None
    failures: int
    successes: int


def advance_state(known: State | None, probe: ProbeResult) -> State:
    """Return the service's state after one more probe.

    known: the stored state, None before the first. A service is unhealthy after 3 consecutive failures and healthy again
    after 2 successes; auth and quota count at once; unknown resets both counts. A rate limit is never an outage, nor a
    server that served us with its last connection: the service is degraded, and the count of failures stays.
    """
    if probe.status == "unknown":
        return {"status": "unknown", "reason": probe.reason, "failures": 0, "successes": 0}
    before: State = known or {"status": "unknown", "reason": None, "failures": 0, "successes": 0}
    if probe.status == "healthy":
        return _record_success(before)
    has_served_last = probe.reason == "saturated" and probe.latency_ms is not None
    if has_served_last or probe.reason == "rate_limited":
        return {"status": "degraded", "reason": probe.reason, "failures": before["failures"], "successes": 0}
    failures = before["failures"] + 1
    is_down = probe.status == "unhealthy" or probe.reason in _AT_ONCE
    is_down = is_down or failures >= FAILURES_TO_UNHEALTHY or before["status"] == "unhealthy"
    status: Status = "unhealthy" if is_down else "degraded"
    return {"status": status, "reason": probe.reason, "failures": failures, "successes": 0}


def build_result(service: str, probe: ProbeResult, state: State, at: datetime) -> CheckResult:
    """Build the check's result: the status from the state, the measurements from this probe."""
    return CheckResult(service, state["status"], probe.latency_ms, state["reason"], at, probe.details)


def _record_success(before: State) -> State:
    successes = before["successes"] + 1
    if before["status"] == "unhealthy" and successes < SUCCESSES_TO_HEALTHY:
        return {
            "status": before["status"],
            "reason": before["reason"],
            "failures": before["failures"],
            "successes": successes,
        }
    return {"status": "healthy", "reason": None, "failures": 0, "successes": successes}
