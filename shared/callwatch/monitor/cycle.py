"""One cycle of the monitor: prepare, flush, check, measure, evaluate, notify; a failing step stops no other."""

import logging
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from callwatch.db import connection, statements_within
from callwatch.db.cycles import record_cycle
from callwatch.db.failing import is_failing
from callwatch.db.lease import acquire_lease, release_lease, renew_lease
from callwatch.exceptions import DatabaseUnavailable
from callwatch.models.check import CheckResult
from callwatch.models.facts import Fact
from callwatch.tracker import error_tracker

logger = logging.getLogger(__name__)

LEASE = "monitor"
# Longer than any single step may take; renewed before each, so that a killed monitor holds nobody up for long.
LEASE_TTL_S = 30.0
# A server that took the connection and fell silent must not hold up the page that says so.
_STATEMENT_MS = 3_000
# What a statement of a step may take: one that waits for somebody's lock must not keep the cycle from judging and telling.
_STEP_STATEMENT_S = 20.0
_LEAST_S = 0.5
# Kept of the cycle for the evaluation and for sending.
_KEPT_S = 20.0
# Holders of leases that this process could not give back, since the database went away under a cycle.
_left: list[str] = []


@dataclass(slots=True)
class Cycle:
    """What the steps of one cycle hand on to each other.

    now: when it began, for all that it judges. deadline, began: on the monotonic clock.
    uncounted: why accepted errors and requests may be missing from what is stored. is_judged: whether the database
    took what was judged.
    """

    now: datetime
    deadline: float
    holder: str = field(default_factory=lambda: _left.pop() if _left else uuid.uuid4().hex)
    checks: list[CheckResult] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    unread: tuple[str, ...] = ()
    uncounted: str | None = None
    is_database_up: bool = True
    is_judged: bool = True
    began: float = field(default_factory=time.monotonic)

    def time(self) -> datetime:
        """The present time: what is waited for counts from it."""
        return self.now + timedelta(seconds=time.monotonic() - self.began)

    def remaining_s(self, at_most: float) -> float:
        """Seconds a step may take: what is left of the cycle, and no more than `at_most`."""
        return max(0.0, min(at_most, self.deadline - time.monotonic()))

    def statement_s(self) -> float:
        """Seconds a statement may take before the evaluation: what the cycle can spare, within bounds."""
        return max(_LEAST_S, min(_STEP_STATEMENT_S, self.deadline - _KEPT_S - time.monotonic()))


@dataclass(frozen=True, slots=True)
class StepResult:
    """How one step went: `error` is None where it did what it is for."""

    name: str
    duration_ms: float
    error: str | None
    details: dict[str, Any]


Step = tuple[str, Callable[[Cycle], dict[str, Any]]]


def run_cycle(steps: list[Step], now: datetime, budget_s: float) -> dict[str, Any]:
    """Run the steps in their order within `budget_s`; returns the cycle's report, as its row keeps it.

    Where another monitor holds the lease nothing is run, and the report says so.
    """
    cycle = Cycle(now=now, deadline=time.monotonic() + budget_s)
    if not _take_lease(cycle):
        return {"skipped": "another monitor is at work"}
    results = []
    try:
        for name, run in steps:
            _renew_lease(cycle)
            results.append(_run_step(name, run, cycle))
        # A row says that the monitor is at work, and that an outage of the database is over.
        if cycle.is_judged:
            _record(cycle, results)
    finally:
        _release_lease(cycle)
    return {
        "is_database_up": cycle.is_database_up,
        "steps": {result.name: {"error": result.error, **result.details} for result in results},
    }


def _run_step(name: str, run: Callable[[Cycle], dict[str, Any]], cycle: Cycle) -> StepResult:
    started = time.perf_counter()
    error: str | None = None
    details: dict[str, Any] = {}
    try:
        with statements_within(cycle.statement_s):
            details = run(cycle)
    except DatabaseUnavailable as unavailable:
        cycle.is_database_up = False
        error = f"database unavailable: {unavailable}"
        logger.warning("monitor step without database", extra={"step": name})
    except Exception as failure:
        error = type(failure).__name__
        error_tracker.track_error(failure, context={"endpoint": f"monitor.{name}"})
        logger.exception("monitor step failed", extra={"step": name})
    duration_ms = round((time.perf_counter() - started) * 1000, 1)
    return StepResult(name, duration_ms, error, details)


def _take_lease(cycle: Cycle) -> bool:
    try:
        with connection(statement_timeout_ms=_STATEMENT_MS) as conn:
            is_ours = acquire_lease(conn, LEASE, cycle.holder, LEASE_TTL_S)
            conn.commit()
            return is_ours
    except Exception as error:
        if not is_failing(error):
            raise
        # Without a database there is no lease to hold and no row to write twice: the cycle goes on, to say so.
        cycle.is_database_up = False
        return True


def _renew_lease(cycle: Cycle) -> None:
    if not cycle.is_database_up:
        return
    try:
        with connection(statement_timeout_ms=_STATEMENT_MS) as conn:
            renew_lease(conn, LEASE, cycle.holder, LEASE_TTL_S)
            conn.commit()
    except Exception as error:
        if not is_failing(error):
            raise
        cycle.is_database_up = False


def _release_lease(cycle: Cycle) -> None:
    try:
        with connection(statement_timeout_ms=_STATEMENT_MS) as conn:
            release_lease(conn, LEASE, cycle.holder)
            conn.commit()
    except Exception as error:
        if not is_failing(error):
            raise
        # The next cycle of this process takes it up again; one of any other waits until it runs out.
        _left.append(cycle.holder)
        logger.warning("the monitor's lease could not be given back", extra={"why": type(error).__name__})


def _record(cycle: Cycle, results: list[StepResult]) -> None:
    try:
        with connection(statement_timeout_ms=_STATEMENT_MS) as conn:
            record_cycle(conn, cycle.now, results)
            conn.commit()
    except Exception as error:
        if not is_failing(error):
            raise
        logger.warning("the cycle leaves no row: the database does not take it", extra={"why": type(error).__name__})
