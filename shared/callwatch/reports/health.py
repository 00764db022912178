"""Health: one status of the whole system, and the data behind it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from callwatch.checks.probe_result import ProbeResult
from callwatch.checks.record import build_results_without_state
from callwatch.checks.registry import list_checks
from callwatch.checks.run import DEADLINE_S, build_check_tasks, collect_results, run_at_once
from callwatch.checks.status_machine import advance_state, build_result
from callwatch.client.measurement_errors import capture_measuring
from callwatch.counters.errors import count_buffered, count_last_hour
from callwatch.db import connection, read_pool_statistics
from callwatch.db.core.unreadable import UNREAD, explain_product_unread, explain_unread
from callwatch.db.product_queries.known_readings import LostReading, list_lost
from callwatch.db.queries.check_results import ServiceState, read_service_states
from callwatch.db.queries.cycles import Signs, read_signs
from callwatch.db.queries.setting_problems import list_stored_problems
from callwatch.models.check import CheckResult
from callwatch.models.reason import DATABASE_TIMEOUT, PRODUCT_TIMEOUT, QUEUE_TIMEOUT, Reason
from callwatch.reports.missing_values import Unknown, describe_memory
from callwatch.settings import Settings

if TYPE_CHECKING:
    from callwatch.models.shapes.health import (
        Environment,
        ErrorHealth,
        Health,
        LostFigures,
        MonitorHealth,
        OverallStatus,
        QueueHealth,
        Resources,
        ServiceHealth,
    )
    from callwatch.models.shapes.stored import SettingProblem
    from callwatch.models.shapes.system import OwnFigures
    from callwatch.reports.queue_health import QueueReading

_NOT_CONFIGURED = Reason("not_configured", "not configured")
_NOT_SET = Reason("not_configured", "not set")
_NO_CYCLE_YET = Reason("none", "no cycle has finished yet")
_NONE_EVALUATED = Reason("none", "no cycle has evaluated the rules yet")
_EVALUATES = Reason("none", "no cycle lacks an evaluation")
_NEVER_CHECKED = Reason("none", "no check of it is stored yet")


ReadCommit = Callable[[], tuple[str | None, Reason]]


@dataclass(frozen=True, slots=True)
class Stored:
    """The content of the monitor's own tables: states by service, errors of the last hour (all, critical), its last sign of
    life, its invalid settings, and the readings of the product that are lost."""

    states: Mapping[str, ServiceState]
    errors: tuple[int, int]
    signs: Signs
    problems: list[SettingProblem]
    lost: list[LostReading]


@dataclass(frozen=True, slots=True)
class Gathered:
    """The data of a response. stored, queues: None if they could not be read; `unread` and `queues_unread` say why."""

    results: list[CheckResult]
    is_database_up: bool
    stored: Stored | None
    unread: Reason
    queues: QueueReading | None
    queues_unread: Reason
    buffered: tuple[int | None, Reason | None]


def build_health(settings: Settings, now: datetime, own: OwnFigures, read_commit: ReadCommit | None = None) -> Health:
    """Build the response of GET /api/health for a caller with a token: vendors are probed live, every field is given.

    own: data of the running process. read_commit: returns the deployed commit and why it is unknown; called after the probes.
    """
    unknown = Unknown()
    gathered = gather(settings, now, is_whole=True)
    found = _build_reduced(gathered, now, unknown, is_whole=True)
    found["uptime"] = own["uptime"]
    found["environment"] = _describe_environment(settings, own, read_commit, unknown)
    found["resources"] = _describe_resources(own, unknown)
    found["monitor"] = describe_monitor(gathered.stored.signs if gathered.stored else None, now, gathered.unread, unknown)
    found["configuration"] = unknown.say("configuration", _list_problems(settings, gathered), gathered.unread)
    found["lost_figures"] = unknown.say("lost_figures", _describe_lost_figures(gathered.stored), gathered.unread)
    return found


def build_reduced_health(settings: Settings, now: datetime) -> Health:
    """Build the response of GET /api/health for anybody: of vendors, the results that the last cycle stored."""
    return _build_reduced(gather(settings, now, is_whole=False), now, Unknown(), is_whole=False)


def _build_reduced(gathered: Gathered, now: datetime, unknown: Unknown, is_whole: bool) -> Health:
    return {
        "status": judge_overall(gathered, now),
        "timestamp": now,
        "services": {result.service: _describe_service(result, is_whole, unknown) for result in gathered.results},
        "queue": _describe_queue(gathered, unknown),
        "errors": _describe_errors(gathered, unknown),
        # Filled by what is added later, too.
        "unknown": unknown.reasons,
    }


def gather(settings: Settings, now: datetime, is_whole: bool) -> Gathered:
    """Probe and read everything in parallel within one deadline."""
    checks = build_check_tasks(settings, DEADLINE_S, None if is_whole else {"database"})
    # Names of checks contain no dot.
    reads = {
        "read.stored": lambda: _read_stored(now),
        "read.product": lambda: _read_queues(settings, now),
        "read.buffered": count_buffered,
    }
    found = run_at_once({**checks, **reads}, DEADLINE_S)
    probes = collect_results(checks, found)
    is_database_up = probes["database"].status != "unhealthy"
    stored, queues, size = (found.get(name) for name in reads)
    kept = stored if isinstance(stored, Stored) else None
    return Gathered(
        results=_combine_results(probes, kept, list_checks(settings), now),
        is_database_up=is_database_up,
        stored=kept,
        unread=_explain_missing("the monitor's tables", stored, DATABASE_TIMEOUT, explain_unread),
        queues=None if queues is None or isinstance(queues, Exception) else queues,
        queues_unread=_explain_missing("the product's tables", queues, PRODUCT_TIMEOUT, explain_product_unread),
        buffered=size if isinstance(size, tuple) else (None, _explain_missing("the queue's size", size, QUEUE_TIMEOUT, None)),
    )


def _explain_missing(what: str, found: object, late: Reason, explain: Callable[[BaseException], Reason] | None) -> Reason:
    """Why a reading is not there. found: its error, or None if it was late."""
    if not isinstance(found, Exception):
        return late
    if explain and isinstance(found, UNREAD):
        return explain(found)
    capture_measuring({what: found})
    return Reason("unavailable", f"{what} cannot be read ({type(found).__name__})")


def judge_overall(gathered: Gathered, now: datetime) -> OverallStatus:
    """unhealthy: the database is down, or every configured vendor. degraded: one of them is not healthy, there is a critical
    error, the pipeline stopped or its database does not respond, figures of it that were known are lost, or the monitor is
    late. Unknown and not configured services change nothing."""
    providers = [r.status for r in gathered.results if r.service != "database" and r.status != "unknown"]
    if not gathered.is_database_up or (providers and set(providers) == {"unhealthy"}):
        return "unhealthy"
    stored = gathered.stored
    is_degraded = any(result.status == "degraded" for result in gathered.results) or "unhealthy" in providers
    # If the database is up but our tables cannot be read, no monitor can have run.
    is_degraded = is_degraded or stored is None or bool(stored.errors[1] or stored.lost)
    is_degraded = is_degraded or stored is None or stored.signs.find_not_evaluated_since(now) is not None
    queues = gathered.queues
    return "degraded" if is_degraded or queues is None or queues.is_stopped or queues.is_unread else "healthy"


def _read_stored(now: datetime) -> Stored:
    with connection(statement_timeout_ms=2000) as conn:
        return Stored(
            read_service_states(conn),
            count_last_hour(conn, now),
            read_signs(conn),
            list_stored_problems(conn),
            list_lost(conn, now),
        )


def _read_queues(settings: Settings, now: datetime) -> QueueReading:
    # An eighth of this module's import time, and needed only here.
    from callwatch.reports.queue_health import queue_health

    return queue_health(settings, now)


def _combine_results(
    probes: Mapping[str, ProbeResult], stored: Stored | None, services: Collection[str], now: datetime
) -> list[CheckResult]:
    """Combine live results (following the stored state, without changing it) with the stored results of other services."""
    states = stored.states if stored else {}
    live = {name: build_result(name, v, advance_state(states.get(name), v), now) for name, v in probes.items()}
    # The database's status is that of this very call, whatever earlier probes found.
    live |= {result.service: result for result in build_results_without_state({"database": probes["database"]}, now)}
    return [live.get(name) or _build_stored_result(name, states.get(name), now) for name in services]


def _build_stored_result(service: str, state: ServiceState | None, now: datetime) -> CheckResult:
    if state is None:
        return CheckResult(service, "unknown", None, None, now, {"unchecked": True})
    return CheckResult(service, state["status"], state["latency_ms"], state["reason"], state["checked_at"])


def _describe_service(result: CheckResult, is_whole: bool, unknown: Unknown) -> ServiceHealth:
    path = f"services.{result.service}"
    is_unchecked = bool(result.details.get("unchecked"))
    why = _NEVER_CHECKED if is_unchecked else _explain_no_latency(result.reason)
    latency = unknown.say(f"{path}.latency", result.latency_ms, why)
    checked_at = unknown.say(f"{path}.checked_at", None if is_unchecked else result.checked_at, why)
    shown: ServiceHealth = {"status": result.status, "latency": latency, "checked_at": checked_at}
    if not is_whole:
        return shown
    shown["reason"] = result.reason
    if result.service == "database":
        shown["details"] = read_pool_statistics()
    return shown


def _explain_no_latency(reason: str | None) -> Reason:
    if reason == "not_configured":
        return _NOT_CONFIGURED
    return Reason("timeout" if reason == "timeout" else "unavailable", f"no response was measured ({reason})")


def _describe_queue(gathered: Gathered, unknown: Unknown) -> QueueHealth:
    def say(name: str) -> int | None:
        value, why = gathered.queues.figures[name] if gathered.queues else (None, gathered.queues_unread)
        return unknown.say(f"queue.{name}", value, why)

    return {
        "pending": say("pending"),
        "processing": say("processing"),
        "failed": say("failed"),
        "completed_last_hour": say("completed_last_hour"),
    }


def _describe_errors(gathered: Gathered, unknown: Unknown) -> ErrorHealth:
    size, reason = gathered.buffered
    total, critical = gathered.stored.errors if gathered.stored else (None, None)
    return {
        "last_hour": unknown.say("errors.last_hour", total, gathered.unread),
        "critical_count": unknown.say("errors.critical_count", critical, gathered.unread),
        "buffer_size": unknown.say("errors.buffer_size", size, reason),
    }


def _describe_environment(settings: Settings, own: OwnFigures, read_commit: ReadCommit | None, unknown: Unknown) -> Environment:
    commit, why_no_commit = read_commit() if read_commit else (settings.commit_sha, _NOT_SET)
    return {
        "node_env": unknown.say("environment.node_env", settings.node_env, _NOT_SET),
        "vercel_env": unknown.say("environment.vercel_env", settings.vercel_env, _NOT_SET),
        "commit_sha": unknown.say("environment.commit_sha", commit, why_no_commit),
        "stage": unknown.say("environment.stage", settings.stage, _NOT_SET),
        "region": unknown.say("environment.region", own["region"], _NOT_SET),
        "version": own["version"],
    }


def _describe_resources(own: OwnFigures, unknown: Unknown) -> Resources:
    return {"memory": describe_memory(own["memory"], "resources.memory", unknown), "pool": read_pool_statistics()}


def describe_monitor(signs: Signs | None, now: datetime, unread: Reason, unknown: Unknown) -> MonitorHealth:
    """Return when the monitor last finished a cycle and last evaluated the rules; signs: None if they could not be read."""
    why, none_evaluated, fine = (_NO_CYCLE_YET, _NONE_EVALUATED, _EVALUATES) if signs else (unread, unread, unread)
    since = signs.find_not_evaluated_since(now) if signs else None
    return {
        "last_cycle_at": unknown.say("monitor.last_cycle_at", signs.finished_at if signs else None, why),
        "last_evaluated_at": unknown.say("monitor.last_evaluated_at", signs.evaluated_at if signs else None, none_evaluated),
        "not_evaluated_since": unknown.say("monitor.not_evaluated_since", since, fine),
        "is_late": unknown.say("monitor.is_late", signs.is_late(now) if signs else None, why),
    }


def _list_problems(settings: Settings, gathered: Gathered) -> list[SettingProblem] | None:
    """List the invalid settings of this function and those that the monitor stored; None if neither is known."""
    own: dict[str, SettingProblem] = {
        problem.variable: {"variable": problem.variable, "message": problem.message, "affects": problem.affects}
        for problem in settings.problems
    }
    if gathered.stored is None:
        return list(own.values()) or None
    found = {row["variable"]: row for row in gathered.stored.problems} | own
    return [found[name] for name in sorted(found)]


def _describe_lost_figures(stored: Stored | None) -> list[LostFigures] | None:
    if stored is None or not stored.lost:
        return None if stored is None else []
    # Rarely needed, and it loads the readings.
    from callwatch.reports.lost_figures import list_lost_figures

    return list_lost_figures(stored.lost)
