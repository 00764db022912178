"""The step `evaluate`: evaluates the rules, and notifies directly what the outbox cannot: that it is out of order itself."""

import dataclasses
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial

from callwatch.alerts.evaluator import Evaluated, evaluate_rules
from callwatch.alerts.guarded_writes import run_guarded
from callwatch.alerts.outage.evaluation_stopped import forget_missed, miss_evaluation, resume_evaluation
from callwatch.alerts.outage.outage_end import end_database_outage
from callwatch.alerts.outage.outage_start import drop_outage_samples, forget_outage, remember, start_database_outage
from callwatch.alerts.own_rules.complete_metrics import COMPLETE
from callwatch.alerts.own_rules.metric_history import keep_samples
from callwatch.alerts.rules.watched import find_subjects
from callwatch.client.capture import error_tracker
from callwatch.db import connection
from callwatch.db.core.connect import AnyConnection, extract_first_line
from callwatch.db.core.db_errors import explain_failure, is_failing
from callwatch.exceptions import LockUnavailable, PoolExhausted
from callwatch.models.check import Reason
from callwatch.monitor.cycle import NOTIFY_S, Cycle

# Per statement of the evaluation; a server that hangs is detected by it, and alerted.
_EVALUATE_MS = 8_000
# Another evaluation ends before the next cycle. A lock held longer means that one hangs, and nothing is evaluated.
_HELD_FOR = timedelta(seconds=45)


def evaluate(cycle: Cycle) -> Mapping[str, object]:
    """Evaluate the rules, and write what was notified without the database while it was down.

    A database that cannot be used is notified directly, and so is an evaluation that fails in two cycles in a row.
    """
    state = cycle.state
    if cycle.refusal is not None:
        # Outbox and rows may fail: the alert is sent directly, and its rows wait until the database accepts writes.
        _page_database(cycle, cycle.refusal, "error")
    try:
        with connection(_EVALUATE_MS) as conn:
            evaluated, was_down, was_stopped = _evaluate_on(conn, cycle)
            conn.commit()
    except Exception as error:
        state.lock_held_since = (state.lock_held_since or cycle.now) if isinstance(error, LockUnavailable) else None
        held_since = state.lock_held_since
        is_held = held_since is not None and cycle.now - held_since >= _HELD_FOR
        if isinstance(error, PoolExhausted) or not (is_held or is_failing(error)):
            # A running evaluation elsewhere is no failure; the next cycle shows whether it hangs.
            if not isinstance(error, LockUnavailable):
                miss_evaluation(state.evaluation_outage, cycle.get_time(), error, cycle.compute_remaining_s(NOTIFY_S))
            raise
        # Without state and outbox, the one alert that matters now is sent directly.
        cycle.is_database_up = cycle.is_evaluated = False
        return _page_database(cycle, extract_first_line(error), explain_failure(error))
    state.lock_held_since = None
    if was_down:
        forget_outage(state.database_outage, cycle.now)
    forget_missed(state.evaluation_outage, cycle.now, was_stopped)
    return dataclasses.asdict(evaluated)


def _evaluate_on(conn: AnyConnection, cycle: Cycle) -> tuple[Evaluated, bool, bool]:
    """Evaluate; returns the counts, and whether an outage of the database or of the evaluation ended and is written."""
    state = cycle.state
    was_down = False if cycle.refusal else _guard(conn, lambda: end_database_outage(conn, state.database_outage, cycle.now))
    was_stopped = _guard(conn, lambda: resume_evaluation(conn, state.evaluation_outage, cycle.now))
    samples = drop_outage_samples(state.database_outage, cycle.samples, cycle.now)
    evaluated = evaluate_rules(conn, samples, cycle.now, cycle.unread, complete=COMPLETE, find_subjects=find_subjects)
    for memory in state.outages:
        _guard(conn, partial(remember, conn, memory, cycle.now))
    _guard(conn, partial(keep_samples, conn, cycle.now, samples, cycle.unread))
    return evaluated, was_down, was_stopped


def _guard(conn: AnyConnection, write: Callable[[], bool | None]) -> bool:
    """Return what `write` returns; True if its rows can never be written, so that they do not stop the evaluation."""
    is_done, error = run_guarded(conn, write)
    if error is not None:
        error_tracker.track_error(error, context={"endpoint": "monitor.evaluate"})
    return bool(is_done) or error is not None


def _page_database(cycle: Cycle, why: str, reason: Reason) -> Mapping[str, object]:
    outage = cycle.state.database_outage
    return start_database_outage(outage, cycle.get_time(), why, cycle.compute_remaining_s(NOTIFY_S), cycle.now, reason)
