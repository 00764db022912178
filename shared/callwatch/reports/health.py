"""Health: one status of the whole, and what it follows from."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from callwatch.checks.record import without_streaks
from callwatch.checks.registry import checks_of
from callwatch.checks.run import DEADLINE_S, at_once, check_tasks, verdicts_of
from callwatch.checks.streak import next_state, result_of
from callwatch.checks.verdict import Verdict
from callwatch.db import connection, pool_statistics
from callwatch.db.check_results import service_states
from callwatch.db.cycles import last_cycle_at
from callwatch.exceptions import DATABASE_DOWN, DatabaseUnavailable
from callwatch.models.check import CheckResult
from callwatch.reports.unknown import Unknown
from callwatch.settings import Settings
from callwatch.tracker.measuring import capture_measuring
from callwatch.tracker.stats import buffered, last_hour

if TYPE_CHECKING:
    from callwatch.reports.queue_health import QueueHealth

MONITOR_LATE_AFTER = timedelta(minutes=3)
PRODUCT_DOWN = "the product's database does not answer"
QUEUE_FIGURES = ("pending", "processing", "failed", "completed_last_hour")


@dataclass(frozen=True, slots=True)
class Stored:
    """What the monitor's own tables say: states by service, errors of the last hour (all, critical), its last sign of life."""

    states: Mapping[str, Mapping[str, Any]]
    errors: tuple[int, int]
    last_cycle_at: datetime | None
    is_late: bool


@dataclass(frozen=True, slots=True)
class Gathered:
    """All that an answer is made of; `stored` is None where it could not be read in time, `unread` says why."""

    results: list[CheckResult]
    is_database_up: bool
    stored: Stored | None
    unread: str
    queues: "QueueHealth | None"
    buffered: tuple[int | None, str | None]


def health(settings: Settings, now: datetime, is_whole: bool, own: Mapping[str, Any]) -> dict[str, Any]:
    """The answer of GET /api/health.

    is_whole: the caller has a token: providers are probed live, and every field is given; else the stored results
    of the last cycle are. own: what the running process knows of itself (uptime, memory, region, version).
    """
    unknown = Unknown()
    gathered = gather(settings, now, is_whole)
    answer: dict[str, Any] = {"status": overall(gathered), "timestamp": now}
    if is_whole:
        answer["uptime"] = own["uptime"]
    answer["services"] = {result.service: _service(result, is_whole, unknown) for result in gathered.results}
    answer["queue"] = _queue(gathered, unknown)
    answer["errors"] = _errors(gathered, unknown)
    if is_whole:
        answer["environment"] = _environment(settings, own, unknown)
        answer["resources"] = _resources(own, unknown)
        answer["monitor"] = _monitor(gathered, unknown)
    return {**answer, "unknown": unknown.reasons}


def gather(settings: Settings, now: datetime, is_whole: bool) -> Gathered:
    """Probe and read, all at once and inside one deadline."""
    checks = check_tasks(settings, DEADLINE_S, None if is_whole else {"database"})
    # Names of checks hold no dot.
    reads = {
        "read.stored": lambda: _read_stored(now),
        "read.product": lambda: _read_queues(settings, now),
        "read.buffered": buffered,
    }
    found = at_once({**checks, **reads}, DEADLINE_S)
    verdicts = verdicts_of(checks, found)
    is_database_up = verdicts["database"].status != "unhealthy"
    stored, queues, size = (found.get(name) for name in reads)
    unread = DATABASE_DOWN
    if isinstance(stored, Exception) and not isinstance(stored, DatabaseUnavailable):
        capture_measuring({"stored results": stored})
        unread = f"the monitor's tables cannot be read ({type(stored).__name__})"
    stored = stored if isinstance(stored, Stored) else None
    return Gathered(
        results=_results(verdicts, stored, checks_of(settings), now),
        is_database_up=is_database_up,
        stored=stored,
        unread=unread,
        queues=None if queues is None or isinstance(queues, Exception) else queues,
        buffered=size if isinstance(size, tuple) else (None, "the queue does not answer"),
    )


def overall(gathered: Gathered) -> str:
    """unhealthy: the database is down, or every configured provider. degraded: one of them is not healthy, a critical
    error, a pipeline that is stopped or whose database does not answer, a monitor that is late. Unknown and not
    configured change nothing."""
    providers = [r.status for r in gathered.results if r.service != "database" and r.status != "unknown"]
    if not gathered.is_database_up or (providers and set(providers) == {"unhealthy"}):
        return "unhealthy"
    stored = gathered.stored
    is_degraded = any(result.status == "degraded" for result in gathered.results) or "unhealthy" in providers
    # Where the database is up and our tables cannot be read, no monitor can have run.
    is_degraded = is_degraded or stored is None or bool(stored.errors[1]) or stored.is_late
    queues = gathered.queues
    return "degraded" if is_degraded or queues is None or queues.is_stopped or queues.is_unread else "healthy"


def _read_stored(now: datetime) -> Stored:
    with connection(statement_timeout_ms=2000) as conn:
        finished_at, waiting_since = last_cycle_at(conn)
        # Before the first cycle the time runs from the day the tables were made.
        is_late = now - (finished_at or waiting_since) > MONITOR_LATE_AFTER
        return Stored(service_states(conn), last_hour(conn, now), finished_at, is_late)


def _read_queues(settings: Settings, now: datetime) -> "QueueHealth":
    # An eighth of this module's import, and needed only here.
    from callwatch.reports.queue_health import queue_health

    return queue_health(settings, now)


def _results(
    verdicts: Mapping[str, Verdict], stored: Stored | None, services: Mapping[str, Any], now: datetime
) -> list[CheckResult]:
    """Live results, moved on from the stored streak without changing it; of the rest what the monitor stored."""
    states = stored.states if stored else {}
    live = {name: result_of(name, v, next_state(states.get(name), v), now) for name, v in verdicts.items()}
    # The database answers this very call, or does not: no streak of the past changes that.
    live |= {result.service: result for result in without_streaks({"database": verdicts["database"]}, now)}
    return [live.get(name) or _stored_result(name, states.get(name), now) for name in services]


def _stored_result(service: str, state: Mapping[str, Any] | None, now: datetime) -> CheckResult:
    if state is None:
        return CheckResult(service, "unknown", None, None, now, {"unchecked": True})
    return CheckResult(service, state["status"], state["latency_ms"], state["reason"], state["checked_at"])


def _service(result: CheckResult, is_whole: bool, unknown: Unknown) -> dict[str, Any]:
    path = f"services.{result.service}"
    is_unchecked = bool(result.details.get("unchecked"))
    why = "no stored result of a check" if is_unchecked else f"no answer was measured ({result.reason})"
    latency = unknown.say(f"{path}.latency", result.latency_ms, "not configured" if result.reason == "not_configured" else why)
    checked_at = unknown.say(f"{path}.checked_at", None if is_unchecked else result.checked_at, why)
    shown = {"status": result.status, "latency": latency, "checked_at": checked_at}
    if not is_whole:
        return shown
    shown["reason"] = result.reason
    if result.service == "database":
        shown["details"] = pool_statistics()
    return shown


def _queue(gathered: Gathered, unknown: Unknown) -> dict[str, Any]:
    if gathered.queues is None:
        return dict(unknown.all_below("queue", QUEUE_FIGURES, PRODUCT_DOWN))
    return {name: unknown.say(f"queue.{name}", *gathered.queues.figures[name]) for name in QUEUE_FIGURES}


def _errors(gathered: Gathered, unknown: Unknown) -> dict[str, Any]:
    size, reason = gathered.buffered
    total, critical = gathered.stored.errors if gathered.stored else (None, None)
    return {
        "last_hour": unknown.say("errors.last_hour", total, gathered.unread),
        "critical_count": unknown.say("errors.critical_count", critical, gathered.unread),
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


def _monitor(gathered: Gathered, unknown: Unknown) -> dict[str, Any]:
    stored = gathered.stored
    reason = "no cycle has finished yet" if stored else gathered.unread
    return {
        "last_cycle_at": unknown.say("monitor.last_cycle_at", stored.last_cycle_at if stored else None, reason),
        "is_late": unknown.say("monitor.is_late", stored.is_late if stored else None, reason),
    }
