"""What judging 1,000 instances costs: the pure evaluation, and the whole of it with its state in PostgreSQL."""

import statistics
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from bench._database import own_database
from callwatch.alerts import AlertChannel, AlertLevel, AlertRule, Condition, alert_manager
from callwatch.alerts.builtin import RULES
from callwatch.alerts.evaluate import evaluate
from callwatch.alerts.instance import Instance
from callwatch.alerts.run import evaluate_rules
from callwatch.db import connection
from callwatch.models.facts import Fact

INSTANCES = 1_000
ROUNDS = 10
START = datetime(2026, 1, 1, tzinfo=UTC)
SUBJECT = AlertRule(
    "subject", "S", AlertLevel.WARNING, [AlertChannel.LOG], [Condition("m", ">", 10)], depends_on=["database_health"]
)


def main() -> None:
    """Print milliseconds a round: nothing changes, values change, and all fire in the same round."""
    pure = pure_ms()
    with own_database():
        try:
            alert_manager.add_rule(SUBJECT)
            few = stored_ms(lambda _round: facts(10, 1))
            still = stored_ms(lambda _round: facts(INSTANCES, 1))
            moving = stored_ms(lambda round_: facts(INSTANCES, round_ % 9))
            storm = stored_ms(lambda _round: facts(INSTANCES, 20), 1)
            firing = stored_ms(lambda round_: facts(INSTANCES, 20 + round_))
        finally:
            alert_manager.remove_rule(SUBJECT.id)
    print(f"pure, {INSTANCES:,} instances          {pure:>8.1f} ms")
    print(f"kept, 10 instances             {few:>8.1f} ms")
    print(f"kept, {INSTANCES:,} ok                 {still:>8.1f} ms   {still / pure:.1f} x pure")
    print(f"kept, {INSTANCES:,} with new values    {moving:>8.1f} ms   {moving / pure:.1f} x pure")
    print(f"kept, {INSTANCES:,} fire at once       {storm:>8.1f} ms   {storm / INSTANCES:.1f} ms an alert")
    print(f"kept, {INSTANCES:,} firing, new values {firing:>8.1f} ms   {firing / pure:.1f} x pure")


def facts(count: int, value: float) -> list[Fact]:
    """One fact an entity."""
    return [Fact("m", float(value), labels={"entity": str(number)}) for number in range(count)]


def pure_ms() -> float:
    """Median milliseconds of a round without any database."""
    known: dict[str, Instance] = {}
    taken = []
    rules = [*RULES, SUBJECT]
    for number in range(ROUNDS):
        started = time.perf_counter()
        known = evaluate(rules, facts(INSTANCES, number % 9), known, START + timedelta(minutes=number)).instances
        taken.append(time.perf_counter() - started)
    return statistics.median(taken) * 1000


def stored_ms(facts_of: Callable[[int], Sequence[Fact]], rounds: int = ROUNDS) -> float:
    """Median milliseconds of a round with its state, commit included."""
    taken = []
    for number in range(rounds):
        given = facts_of(number)
        started = time.perf_counter()
        with connection() as conn:
            evaluate_rules(conn, given, datetime.now(UTC))
            conn.commit()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken) * 1000
