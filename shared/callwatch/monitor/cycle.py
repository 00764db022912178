"""One cycle of the monitor: prepare, flush, check, measure, evaluate, notify; a failing step stops no other."""

import logging
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypedDict

from callwatch.db import connection, statements_within
from callwatch.db.core.connect import extract_first_line
from callwatch.db.core.db_errors import is_failing, is_refused_write
from callwatch.db.core.lease import acquire_lease, release_lease, renew_lease
from callwatch.db.queries.cycles import record_cycle
from callwatch.exceptions import DatabaseUnavailable
from callwatch.models.check import CheckResult
from callwatch.models.sample import Sample
from callwatch.monitor.state import MonitorState
from callwatch.pipeline.queries.query_runner import Measured
from callwatch.tracker import error_tracker

logger = logging.getLogger(__name__)

LEASE = "monitor"
# Longer than any single step may take; renewed before each, so that a killed monitor soon frees the lease.
LEASE_TTL_S = 30.0
# A server that accepted the connection but hangs must not delay the page about it.
_STATEMENT_MS = 3_000
# Per statement of a step: waiting for another session's lock must not prevent evaluation and notification.
_STEP_STATEMENT_S = 20.0
_MIN_S = 0.5
# For sending what is due, in the step `notify` or directly.
NOTIFY_S = 12.0
# Time of the cycle that is reserved for evaluating and sending.
_KEPT_S = 20.0


@dataclass(slots=True)
class Cycle:
    """The data that the steps of one cycle share.

    now: when it began, for all that it evaluates. deadline, began: on the monotonic clock. state: what is remembered from one
    cycle to the next. holder: of the lease. firing: labels of the firing
    instances, by the metric that they fire by. uncounted: why accepted errors and requests may not be stored yet.
    is_evaluated: whether the database stored the evaluation. refusal: why the database rejects writes, as a step found.
    product: what was read of the product; None if it could not be.
    """

    now: datetime
    deadline: float
    state: MonitorState = field(default_factory=MonitorState)
    holder: str = field(default_factory=lambda: uuid.uuid4().hex)
    checks: list[CheckResult] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    unread: tuple[str, ...] = ()
    firing: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    uncounted: str | None = None
    refusal: str | None = None
    product: Measured | None = None
    is_database_up: bool = True
    is_evaluated: bool = True
    began: float = field(default_factory=time.monotonic)

    def get_time(self) -> datetime:
        """Return the present time, from which retries count."""
        return self.now + timedelta(seconds=time.monotonic() - self.began)

    def compute_remaining_s(self, at_most: float) -> float:
        """Return the seconds that a step may take: the rest of the cycle, but at most `at_most`."""
        return max(0.0, min(at_most, self.deadline - time.monotonic()))

    def compute_statement_s(self) -> float:
        """Return the seconds that a statement before the evaluation may take, within bounds."""
        return max(_MIN_S, min(_STEP_STATEMENT_S, self.deadline - _KEPT_S - time.monotonic()))


@dataclass(frozen=True, slots=True)
class StepResult:
    """The result of one step; `error` is None if it succeeded."""

    name: str
    duration_ms: float
    error: str | None
    details: Mapping[str, object]


class CycleReport(TypedDict, total=False):
    """What a cycle did. skipped: why it ran no step. steps: the error (None: it succeeded) and the details of each."""

    skipped: str
    is_database_up: bool
    steps: dict[str, Mapping[str, object]]


Step = tuple[str, Callable[[Cycle], Mapping[str, object]]]


def run_cycle(steps: list[Step], state: MonitorState, now: datetime, budget_s: float) -> CycleReport:
    """Run the steps in order within `budget_s`; returns the cycle's report, as its row stores it. The steps update `state`.

    If another monitor holds the lease, no step runs and the report says so.
    """
    holder, state.lease_holder = state.lease_holder or uuid.uuid4().hex, None
    cycle = Cycle(now=now, deadline=time.monotonic() + budget_s, state=state, holder=holder)
    if not _take_lease(cycle):
        return {"skipped": "another monitor is running"}
    results = []
    try:
        for name, run in steps:
            _renew_lease(cycle)
            results.append(_run_step(name, run, cycle))
        # A row means that the monitor runs, and that an outage of the database is over.
        if cycle.is_evaluated:
            _record(cycle, results)
    finally:
        _release_lease(cycle)
    return {
        "is_database_up": cycle.is_database_up,
        "steps": {result.name: {"error": result.error, **result.details} for result in results},
    }


def _run_step(name: str, run: Callable[[Cycle], Mapping[str, object]], cycle: Cycle) -> StepResult:
    started = time.perf_counter()
    error: str | None = None
    details: Mapping[str, object] = {}
    try:
        with statements_within(cycle.compute_statement_s):
            details = run(cycle)
    except DatabaseUnavailable as unavailable:
        cycle.is_database_up = False
        error = f"database unavailable: {unavailable}"
        if is_refused_write(unavailable):
            cycle.refusal = str(unavailable)
        logger.warning("monitor step without database", extra={"step": name})
    except Exception as failure:
        error = type(failure).__name__
        if is_refused_write(failure):
            cycle.refusal = extract_first_line(failure)
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
        # Without a database there is no lease and no row to write twice: the cycle continues, to report the outage.
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
        # The next cycle of this process reuses the holder; other processes wait until the lease expires.
        cycle.state.lease_holder = cycle.holder
        logger.warning("the monitor's lease could not be released", extra={"why": type(error).__name__})


def _record(cycle: Cycle, results: list[StepResult]) -> None:
    try:
        with connection(statement_timeout_ms=_STATEMENT_MS) as conn:
            record_cycle(conn, cycle.now, results)
            conn.commit()
    except Exception as error:
        if not is_failing(error):
            raise
        logger.warning("the row of the cycle could not be stored", extra={"why": type(error).__name__})
