"""Checks as the monitor runs them: verdicts become states, states are kept."""

from collections.abc import Mapping
from datetime import datetime

from callwatch.checks.streak import next_state, result_of
from callwatch.checks.verdict import Verdict
from callwatch.db.check_results import keep_result, service_states
from callwatch.db.connect import AnyConnection
from callwatch.models.check import CheckResult
from callwatch.models.facts import Fact

_LEVELS = {"healthy": 0.0, "degraded": 1.0, "unhealthy": 2.0}
_REASONS = {"service.reason_auth": "auth", "service.reason_quota": "quota", "service.rate_limited": "rate_limited"}


def record_checks(conn: AnyConnection, verdicts: Mapping[str, Verdict], now: datetime) -> list[CheckResult]:
    """Move each service's streak on by one probe, and keep it. The caller commits."""
    known = service_states(conn)
    results = []
    for service, verdict in verdicts.items():
        state = next_state(known.get(service), verdict)
        result = result_of(service, verdict, state, now)
        keep_result(conn, {"service": service, **state, "latency_ms": verdict.latency_ms, "at": now, "details": verdict.details})
        results.append(result)
    return results


def without_streaks(verdicts: Mapping[str, Verdict], now: datetime) -> list[CheckResult]:
    """The same where no streak can be read, since the database is down."""
    return [result_of(service, verdict, next_state(None, verdict), now) for service, verdict in verdicts.items()]


def check_facts(results: list[CheckResult]) -> list[Fact]:
    """What rules are judged by, for each configured service.

    Status: 0 healthy, 1 degraded, 2 unhealthy. Latency only where one was measured: no answer is the status' matter.
    """
    facts = []
    for result in results:
        if result.reason == "not_configured":
            continue
        labels = {"service": result.service}
        status = _LEVELS.get(result.status)
        facts.append(Fact("service.status", status, result.reason, labels, result.reason))
        if result.latency_ms is not None:
            facts.append(Fact("service.latency_ms", result.latency_ms, None, labels))
        if result.service == "database":
            continue
        facts.append(Fact("provider.status", status, result.reason, labels, result.reason))
        for metric, reason in _REASONS.items():
            facts.append(Fact(metric, float(result.reason == reason), None, labels, result.reason))
    return facts
