"""The steps of the monitor's cycle, in their order, each one call into the part that knows how."""

import dataclasses
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from callwatch import queue
from callwatch.alerts.channel_facts import channel_facts
from callwatch.alerts.database_back import database_back
from callwatch.alerts.database_down import database_down, forget_outage, remember, without_old_news
from callwatch.alerts.deliver import deliver_due
from callwatch.alerts.metrics import METRICS
from callwatch.alerts.run import evaluate_rules
from callwatch.checks.record import check_facts, record_checks, without_streaks
from callwatch.checks.run import run_checks
from callwatch.checks.slo import uptime_burn_facts
from callwatch.db import connection, product_connection
from callwatch.db.check_results import delete_old_results
from callwatch.db.connect import first_line
from callwatch.db.cycles import delete_cycles_before
from callwatch.db.deliveries import forget_deliveries
from callwatch.db.error_groups import end_ignoring
from callwatch.db.error_retention import forget_old_counts, forget_old_groups
from callwatch.db.failing import is_failing
from callwatch.db.partitions import drop_old_partitions, ensure_partitions
from callwatch.db.request_histograms import delete_histograms_before
from callwatch.db.stage_depths import delete_old_depths, keep_depths
from callwatch.exceptions import DatabaseUnavailable, LockUnavailable, PoolExhausted, QueueUnavailable
from callwatch.models.facts import Fact
from callwatch.monitor.cycle import Cycle, Step
from callwatch.monitor.silence import silence_facts
from callwatch.pipeline.facts import METRICS as PRODUCT_METRICS
from callwatch.pipeline.facts import depths, product_facts
from callwatch.pipeline.product import measure, of_cycle
from callwatch.pipeline.reach import product_database_facts
from callwatch.pipeline.stage_file import get_stages
from callwatch.requests.performance import request_facts
from callwatch.requests.slo import request_burn_facts
from callwatch.settings import get_settings
from callwatch.tracker.facts import error_facts, tracker_facts
from callwatch.tracker.flush import flush, unstored
from callwatch.tracker.measuring import capture_measuring

_FLUSH_S = 20.0
_CHECK_S = 3.0
_CHECKED = ("service.", "provider.")
_NOTIFY_S = 12.0
_FROM_QUEUE = ("errors.", "requests.", "slo.errors_burn", "slo.latency_burn")
# A statement of the evaluation may take so long; a server that froze is found out by it, and told.
_EVALUATE_MS = 8_000
# Another evaluation is over by the next cycle. What then holds its lock hangs, and nothing is judged.
_HELD_FOR = timedelta(seconds=45)
# Since when evaluations of this process find it in other hands.
_held_since: datetime | None = None
# The metrics (by prefix) that a source states, which are unknown where it fails; and the source.
Source = tuple[tuple[str, ...], Callable[[], list[Fact]]]
_CYCLES_KEPT = timedelta(days=30)
_MINUTES_KEPT = timedelta(days=2)


def steps_with(own_facts: Callable[[], list[Fact]]) -> list[Step]:
    """The cycle's steps; own_facts states what the running process knows of itself."""
    return [
        ("prepare", _prepare),
        ("flush", _flush),
        ("check", _check),
        ("measure", lambda cycle: _measure(cycle, own_facts)),
        ("evaluate", _evaluate),
        ("notify", _notify),
    ]


def _prepare(cycle: Cycle) -> dict[str, Any]:
    days = get_settings().retention_days
    oldest = cycle.now - timedelta(days=days)
    with connection() as conn:
        made = ensure_partitions(conn, cycle.now)
        conn.commit()
        dropped = drop_old_partitions(conn, cycle.now, days)
        delete_cycles_before(conn, cycle.now - _CYCLES_KEPT)
        delete_histograms_before(conn, cycle.now - _MINUTES_KEPT, oldest)
        delete_old_results(conn, cycle.now)
        delete_old_depths(conn, cycle.now)
        conn.commit()
        end_ignoring(conn, cycle.now)
        conn.commit()
        forget_old_counts(conn, cycle.now, days)
        conn.commit()
        forgotten = forget_old_groups(conn, cycle.now, days)
        conn.commit()
        forget_deliveries(conn, oldest)
        conn.commit()
    return {"partitions_made": len(made), "partitions_dropped": len(dropped), "groups_forgotten": forgotten}


def _flush(cycle: Cycle) -> dict[str, Any]:
    try:
        flushed = flush(cycle.now, cycle.remaining_s(_FLUSH_S))
    except QueueUnavailable as error:
        cycle.uncounted = f"accepted ones wait in the queue: {error}"
        cycle.unread += ("queue.oldest_message_s",)
        # One that asks for fewer calls is there.
        cycle.facts.append(Fact("queue.up", 1.0 if error.is_throttled else 0.0, detail=str(error)))
        raise
    except Exception as error:
        cycle.uncounted = f"accepted ones wait in the queue: the flush failed ({type(error).__name__})"
        cycle.unread += ("queue.up",)
        if not _tell_unstored(cycle):
            cycle.unread += ("queue.oldest_message_s",)
        raise
    cycle.facts.append(Fact("queue.up", 1.0))
    if not _tell_unstored(cycle):
        detail = "drained" if flushed.is_drained else "not drained within the cycle"
        cycle.facts.append(Fact("queue.oldest_message_s", flushed.oldest_s, detail=detail))
    return dataclasses.asdict(flushed)


def _tell_unstored(cycle: Cycle) -> bool:
    """State the age of what was received and could not be stored; False where there is nothing of the kind."""
    waiting = unstored(cycle.now)
    if waiting is None:
        return False
    age_s = max(0.0, (cycle.now - waiting.since).total_seconds())
    detail = f"could not be stored ({waiting.reason})"
    cycle.facts.append(Fact("queue.oldest_message_s", age_s, detail=detail, since=waiting.since))
    cycle.uncounted = f"accepted ones wait in the queue: they {detail}"
    return True


def _check(cycle: Cycle) -> dict[str, Any]:
    if cycle.remaining_s(_CHECK_S) < _CHECK_S:
        # Probes that are given no time would all say that nobody answers.
        cycle.unread += _CHECKED
        return {"skipped": "the cycle had no time left"}
    verdicts = run_checks(get_settings(), _CHECK_S)
    try:
        with connection() as conn:
            cycle.checks = record_checks(conn, verdicts, cycle.now)
            conn.commit()
    except DatabaseUnavailable:
        cycle.checks = without_streaks(verdicts, cycle.now)
        raise
    except Exception:
        cycle.unread += _CHECKED
        raise
    finally:
        cycle.facts += check_facts(cycle.checks)
    return {"services": {result.service: result.status for result in cycle.checks}}


def _measure(cycle: Cycle, own_facts: Callable[[], list[Fact]]) -> dict[str, Any]:
    """Each source by itself: one that fails leaves its own figures unknown, and the others true."""
    cycle.facts += [*own_facts(), *tracker_facts()]
    own: list[Source] = [
        (("errors.",), lambda: _own(error_facts, cycle)),
        (("requests.",), lambda: _own(request_facts, cycle)),
        (("slo.errors_burn", "slo.latency_burn"), lambda: _own(request_burn_facts, cycle)),
        (("slo.uptime_burn",), lambda: _own(uptime_burn_facts, cycle)),
        (("channel.",), lambda: _own(channel_facts, cycle)),
        (("queue.dead_letters",), _dead_letters),
        (("monitor.silence_s",), lambda: _own(silence_facts, cycle)),
    ]
    product: list[Source] = [(PRODUCT_METRICS, lambda: _product(cycle))]
    failures = _read(cycle, own)
    if cycle.uncounted:
        cycle.facts += _doubts(cycle.facts, cycle.uncounted)
    reach = product_database_facts()
    cycle.facts += reach
    if reach[0].value == 1.0:
        failures += _read(cycle, product)
    else:
        # A rule of its own tells of it; waiting for each of its figures would only cost the cycle's time.
        cycle.unread += tuple(prefix for prefixes, _source in product for prefix in prefixes)
    if failures:
        raise failures[0]
    return {"facts": len(cycle.facts)}


def _doubts(facts: Sequence[Fact], reason: str) -> list[Fact]:
    """Figures made of errors and requests as unknown, too: as a whole, and each part that is stated. What is stored may fire
    a rule, and can clear none: more was accepted than is counted."""
    parts = [(fact.metric, fact.labels) for fact in facts if fact.labels]
    all_of = [*((metric, {}) for metric in METRICS), *parts]
    return [Fact(metric, None, reason, labels) for metric, labels in all_of if metric.startswith(_FROM_QUEUE)]


def _read(cycle: Cycle, sources: list[Source]) -> list[Exception]:
    failures: list[Exception] = []
    for prefixes, read in sources:
        try:
            cycle.facts += read()
        except Exception as error:
            cycle.unread += prefixes
            failures.append(error)
    return failures


def _own(read: Callable[[Any, Any], list[Fact]], cycle: Cycle) -> list[Fact]:
    with connection() as conn:
        return read(conn, cycle.now)


def _product(cycle: Cycle) -> list[Fact]:
    """The product's figures as facts; their depths are kept for the charts."""
    settings = get_settings()
    stages = get_stages(settings.stages_file)
    with product_connection() as conn:
        measured = measure(conn, cycle.now, settings.timezone, stages, of_cycle(stages))
    capture_measuring(measured.errors)
    with connection() as conn:
        keep_depths(conn, cycle.now, depths(stages, measured))
        conn.commit()
    return product_facts(stages, measured)


def _dead_letters() -> list[Fact]:
    try:
        return [Fact("queue.dead_letters", float(queue.approximate_count(get_settings().dead_letter_queue_url)))]
    except QueueUnavailable as error:
        return [Fact("queue.dead_letters", None, str(error))]


def _evaluate(cycle: Cycle) -> dict[str, Any]:
    global _held_since
    try:
        with connection(_EVALUATE_MS) as conn:
            was_down = database_back(conn, cycle.now)
            evaluated = evaluate_rules(conn, without_old_news(cycle.facts, cycle.now), cycle.now, cycle.unread)
            remember(conn, cycle.now)
            conn.commit()
    except PoolExhausted:
        raise
    except Exception as error:
        _held_since = (_held_since or cycle.now) if isinstance(error, LockUnavailable) else None
        is_held = _held_since is not None and cycle.now - _held_since >= _HELD_FOR
        if not is_held and not is_failing(error):
            raise
        # Neither state nor outbox can be had: the one alert that matters now goes out without them.
        cycle.is_database_up = cycle.is_judged = False
        return database_down(cycle.time(), first_line(error), cycle.remaining_s(_NOTIFY_S), cycle.now)
    _held_since = None
    if was_down:
        forget_outage(cycle.now)
    return dataclasses.asdict(evaluated)


def _notify(cycle: Cycle) -> dict[str, Any]:
    return dataclasses.asdict(deliver_due(cycle.time(), cycle.remaining_s(_NOTIFY_S)))
