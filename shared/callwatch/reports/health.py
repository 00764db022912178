"""Health: one status of the whole, and what it follows from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from callwatch.checks.record import without_streaks
from callwatch.checks.registry import BUILT_IN
from callwatch.checks.run import run_checks
from callwatch.checks.streak import next_state, result_of
from callwatch.checks.verdict import Verdict
from callwatch.db import connection, pool_statistics
from callwatch.db.check_results import service_states
from callwatch.db.cycles import last_cycle
from callwatch.exceptions import DatabaseUnavailable
from callwatch.models.check import CheckResult
from callwatch.pipeline.measure import Measured, is_stopped, sum_of
from callwatch.pipeline.stage_file import get_stages
from callwatch.reports.queues import read_queues
from callwatch.reports.unknown import Unknown
from callwatch.settings import Settings
from callwatch.tracker.stats import buffered, last_hour

DEADLINE_S = 3.0
MONITOR_LATE_AFTER = timedelta(minutes=3)
DATABASE_DOWN = "the monitor's database does not answer"
_QUEUE = ("pending", "processing", "failed", "completed_last_hour")


@dataclass(slots=True)
class Stored:
    """What was read from the database for this answer; None where it could not be."""

    states: dict[str, dict[str, Any]] | None = None
    errors: tuple[int, int] | None = None
    measured: Measured | None = None
    cycle: Mapping[str, Any] | None = None
    monitor_is_late: bool = False
    stopped: list[str] = field(default_factory=list)
    # The queues, and whether the product records what is being processed in them.
    queues: dict[str, bool] = field(default_factory=dict)


def health(settings: Settings, now: datetime, is_whole: bool, own: Mapping[str, Any]) -> dict[str, Any]:
    """The answer of GET /api/health.

    is_whole: the caller has a token: providers are probed live, and every field is given; else the stored results
    of the last cycle are. own: what the running process knows of itself (uptime, memory, region, version).
    """
    unknown = Unknown()
    verdicts = run_checks(settings, DEADLINE_S, None if is_whole else {"database"})
    is_database_up = verdicts["database"].status != "unhealthy"
    stored = _read(settings, now) if is_database_up else Stored()
    results = _results(verdicts, stored, settings, now)
    status = overall(results, stored, is_database_up)
    answer: dict[str, Any] = {"status": status, "timestamp": now}
    services = {result.service: _service(result, is_whole, unknown) for result in results}
    queue = _queue(stored, unknown)
    errors = _errors(stored, unknown)
    if is_whole:
        answer |= {"uptime": own["uptime"], "services": services, "queue": queue, "errors": errors}
        answer |= {"environment": _environment(settings, own, unknown), "resources": _resources(own, unknown)}
        answer["monitor"] = _monitor(stored, unknown)
    else:
        answer |= {"services": services, "queue": queue, "errors": errors}
    answer["unknown"] = unknown.reasons
    return answer


def overall(results: list[CheckResult], stored: Stored, is_database_up: bool) -> str:
    """unhealthy: the database is down, or every configured provider. degraded: one of them, a critical error, a
    stopped pipeline, a monitor that is late. Unknown and not configured change nothing."""
    providers = [r for r in results if r.service != "database" and r.status != "unknown"]
    if not is_database_up or (providers and all(r.status == "unhealthy" for r in providers)):
        return "unhealthy"
    is_degraded = any(r.status in ("degraded", "unhealthy") for r in results)
    is_degraded = is_degraded or bool(stored.errors and stored.errors[1]) or bool(stored.stopped)
    return "degraded" if is_degraded or stored.monitor_is_late else "healthy"


def _read(settings: Settings, now: datetime) -> Stored:
    stored = Stored()
    try:
        with connection(statement_timeout_ms=2000) as conn:
            stored.states = service_states(conn)
            stored.errors = last_hour(conn, now)
            stored.cycle = last_cycle(conn)
            stored.monitor_is_late = stored.cycle is None or now - stored.cycle["finished_at"] > MONITOR_LATE_AFTER
    except DatabaseUnavailable:
        return Stored()
    stored.measured = measured = read_queues(settings, now)
    stages = get_stages(settings.stages_file).stages
    stored.queues = {stage.name: not stage.rows["processing"].none for stage in stages if stage.is_queue}
    stored.stopped = [stage.name for stage in stages if is_stopped(measured, stage.name)]
    return stored


def _results(verdicts: Mapping[str, Verdict], stored: Stored, settings: Settings, now: datetime) -> list[CheckResult]:
    """Live results, moved on from the stored streak without changing it; of the rest what the monitor stored."""
    if stored.states is None:
        live = without_streaks(verdicts, now)
    else:
        states = stored.states
        live = [result_of(name, v, next_state(states.get(name), v), now) for name, v in verdicts.items()]
        # The database answers this very call: no streak of the past makes it unhealthy now.
        live = [without_streaks({"database": verdicts["database"]}, now)[0] if r.service == "database" else r for r in live]
    names = [*BUILT_IN, *(configured["name"] for configured in settings.http_checks)]
    known = {result.service: result for result in live}
    return [known.get(name) or _stored_result(name, stored, now) for name in names]


def _stored_result(service: str, stored: Stored, now: datetime) -> CheckResult:
    state = (stored.states or {}).get(service)
    if state is None:
        return CheckResult(service, "unknown", None, None, now, {"unchecked": True})
    return CheckResult(service, state["status"], state["latency_ms"], state["reason"], state["checked_at"])


def _service(result: CheckResult, is_whole: bool, unknown: Unknown) -> dict[str, Any]:
    path = f"services.{result.service}"
    is_unchecked = bool(result.details.get("unchecked"))
    why = "never checked" if is_unchecked else f"no answer ({result.reason})"
    latency = unknown.say(f"{path}.latency", result.latency_ms, why)
    checked_at = unknown.say(f"{path}.checked_at", None if is_unchecked else result.checked_at, "never checked")
    shown = {"status": result.status, "latency": latency, "checked_at": checked_at}
    if not is_whole:
        return shown
    shown["reason"] = result.reason
    if result.service == "database":
        shown["details"] = pool_statistics()
    return shown


def _queue(stored: Stored, unknown: Unknown) -> dict[str, Any]:
    """All queues together; what is processed now is known of those queues alone that record it."""
    if stored.measured is None:
        return dict(unknown.all_below("queue", _QUEUE, DATABASE_DOWN))
    shown = {}
    for name in _QUEUE:
        queues = [queue for queue, records_processing in stored.queues.items() if name != "processing" or records_processing]
        value, reason = sum_of(stored.measured, *(f"{queue}.{name}" for queue in queues)) if queues else (None, "no queue")
        shown[name] = unknown.say(f"queue.{name}", value, reason)
    return shown


def _errors(stored: Stored, unknown: Unknown) -> dict[str, Any]:
    size, reason = buffered()
    total, critical = stored.errors or (None, None)
    return {
        "last_hour": unknown.say("errors.last_hour", total, DATABASE_DOWN),
        "critical_count": unknown.say("errors.critical_count", critical, DATABASE_DOWN),
        "buffer_size": unknown.say("errors.buffer_size", size, reason),
    }


def _environment(settings: Settings, own: Mapping[str, Any], unknown: Unknown) -> dict[str, Any]:
    given = {
        "node_env": settings.node_env,
        "vercel_env": settings.vercel_env,
        "commit_sha": settings.commit_sha,
        "stage": settings.stage,
        "region": own.get("region"),
        "version": own["version"],
    }
    return {name: unknown.say(f"environment.{name}", value, "not set") for name, value in given.items()}


def _resources(own: Mapping[str, Any], unknown: Unknown) -> dict[str, Any]:
    memory = {n: unknown.say(f"resources.memory.{n}", value, "not measured") for n, value in own["memory"].items()}
    return {"memory": memory, "pool": pool_statistics()}


def _monitor(stored: Stored, unknown: Unknown) -> dict[str, Any]:
    finished_at = stored.cycle["finished_at"] if stored.cycle else None
    reason = "no cycle has finished yet" if stored.states is not None else DATABASE_DOWN
    return {
        "last_cycle_at": unknown.say("monitor.last_cycle_at", finished_at, reason),
        "is_late": unknown.say("monitor.is_late", stored.monitor_is_late if stored.states is not None else None, reason),
    }
