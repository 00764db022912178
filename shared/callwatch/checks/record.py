"""Records the monitor's checks: probe results become service states, which are stored."""

from collections.abc import Mapping, Set
from datetime import datetime

from callwatch.checks.probe_result import ProbeResult, read_outcome
from callwatch.checks.status_machine import advance_state, build_result
from callwatch.db.core.connect import AnyConnection
from callwatch.db.queries.check_results import keep_result, read_service_states
from callwatch.models.check import CheckResult
from callwatch.models.reason import Reason
from callwatch.models.sample import Sample

_LEVELS = {"healthy": 0.0, "degraded": 1.0, "unhealthy": 2.0}
_REASONS = {"service.reason_auth": "auth", "service.reason_quota": "quota", "service.rate_limited": "rate_limited"}


def record_checks(
    conn: AnyConnection, probes: Mapping[str, ProbeResult], now: datetime, in_maintenance: Set[str] = frozenset()
) -> list[CheckResult]:
    """Update each service's state by one probe result and store it. The caller commits.

    in_maintenance: services whose results count neither as up nor as down.
    """
    known = read_service_states(conn)
    results = []
    for service, probe in probes.items():
        state = advance_state(known.get(service), probe)
        result = build_result(service, probe, state, now)
        keep_result(
            conn,
            {
                "service": service,
                **state,
                "latency_ms": probe.latency_ms,
                "at": now,
                "details": probe.details,
                "outcome": "maintenance" if service in in_maintenance else read_outcome(probe),
            },
        )
        results.append(result)
    return results


def build_results_without_state(probes: Mapping[str, ProbeResult], now: datetime) -> list[CheckResult]:
    """Build the results without stored states, for when the database is down."""
    return [build_result(service, probe, advance_state(None, probe), now) for service, probe in probes.items()]


def check_samples(results: list[CheckResult]) -> list[Sample]:
    """Build the samples that rules evaluate, for each configured service.

    Status: 0 healthy, 1 degraded, 2 unhealthy. Latency only if one was measured: the status covers a missing response.
    """
    samples = []
    for result in results:
        if result.reason == "not_configured":
            continue
        labels = {"service": result.service}
        status = _LEVELS.get(result.status)
        why = Reason("unavailable", result.reason) if status is None and result.reason else None
        samples.append(Sample("service.status", status, why, labels, result.reason))
        if result.latency_ms is not None:
            samples.append(Sample("service.latency_ms", result.latency_ms, None, labels))
        if result.service == "database":
            samples += _sample_connections(result)
            continue
        samples.append(Sample("provider.status", status, why, labels, _describe_reason(result)))
        for metric, reason in _REASONS.items():
            samples.append(Sample(metric, float(result.reason == reason), None, labels, result.reason))
    return samples


def _sample_connections(result: CheckResult) -> list[Sample]:
    total, usable = result.details.get("total"), result.details.get("usable")
    if not isinstance(total, int) or not isinstance(usable, int) or usable <= 0:
        return []
    return [Sample("database.connections_ratio", round(total / usable, 3), None, {}, f"{total} of {usable} connections in use")]


def _describe_reason(result: CheckResult) -> str | None:
    """Render the reason with its detail: "tls: the certificate has expired"."""
    detail = result.details.get("detail")
    return f"{result.reason}: {detail}" if result.reason and detail else result.reason
