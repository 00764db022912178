"""Measures the evaluation of 1,000 instances: the pure evaluation, and the whole with its state in PostgreSQL."""

import statistics
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from bench._database import own_database
from callwatch.alerts import AlertChannel, AlertLevel, AlertRule, Condition, alert_manager
from callwatch.alerts.evaluation.evaluate import evaluate
from callwatch.alerts.evaluation.instance import Instance
from callwatch.alerts.evaluator import evaluate_rules
from callwatch.alerts.rules.builtin import RULES
from callwatch.db import connection
from callwatch.models.sample import Sample

INSTANCES = 1_000
ROUNDS = 10
START = datetime(2026, 1, 1, tzinfo=UTC)
SUBJECT = AlertRule(
    "subject", "S", AlertLevel.WARNING, [AlertChannel.LOG], [Condition("m", ">", 10)], depends_on=["database_health"]
)


def main() -> None:
    """Print milliseconds per round: nothing changes, values change, and all instances fire at once."""
    pure = measure_pure_ms()
    with own_database():
        try:
            alert_manager.add_rule(SUBJECT)
            few = measure_stored_ms(lambda _round: build_samples(10, 1))
            still = measure_stored_ms(lambda _round: build_samples(INSTANCES, 1))
            moving = measure_stored_ms(lambda round_: build_samples(INSTANCES, round_ % 9))
            storm = measure_stored_ms(lambda _round: build_samples(INSTANCES, 20), 1)
            firing = measure_stored_ms(lambda round_: build_samples(INSTANCES, 20 + round_))
        finally:
            alert_manager.remove_rule(SUBJECT.id)
    print(f"pure, {INSTANCES:,} instances          {pure:>8.1f} ms")
    print(f"kept, 10 instances             {few:>8.1f} ms")
    print(f"kept, {INSTANCES:,} ok                 {still:>8.1f} ms   {still / pure:.1f} x pure")
    print(f"kept, {INSTANCES:,} with new values    {moving:>8.1f} ms   {moving / pure:.1f} x pure")
    print(f"kept, {INSTANCES:,} fire at once       {storm:>8.1f} ms   {storm / INSTANCES:.1f} ms an alert")
    print(f"kept, {INSTANCES:,} firing, new values {firing:>8.1f} ms   {firing / pure:.1f} x pure")


def build_samples(count: int, value: float) -> list[Sample]:
    """Build one sample per entity."""
    return [Sample("m", float(value), labels={"entity": str(number)}) for number in range(count)]


def measure_pure_ms() -> float:
    """Return the median milliseconds of a round without a database."""
    known: dict[str, Instance] = {}
    taken = []
    rules = [*RULES, SUBJECT]
    for number in range(ROUNDS):
        started = time.perf_counter()
        known = evaluate(rules, build_samples(INSTANCES, number % 9), known, START + timedelta(minutes=number)).instances
        taken.append(time.perf_counter() - started)
    return statistics.median(taken) * 1000


def measure_stored_ms(facts_of: Callable[[int], Sequence[Sample]], rounds: int = ROUNDS) -> float:
    """Return the median milliseconds of a round with stored state, commit included."""
    taken = []
    for number in range(rounds):
        given = facts_of(number)
        started = time.perf_counter()
        with connection() as conn:
            evaluate_rules(conn, given, datetime.now(UTC))
            conn.commit()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken) * 1000
