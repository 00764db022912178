"""When a fact is alarming: limits that leave room for an ordinary day."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from callwatch.alerts.builtin import RULES
from callwatch.alerts.evaluate import evaluate
from callwatch.models.facts import Fact
from callwatch.pipeline.freshness import NOT_COMPARABLE

_ANY: Callable[[float], bool] = lambda value: value > 0  # noqa: E731
ALARMING: Mapping[str, Callable[[float], bool]] = {
    "queue.pending": lambda value: value > 100,
    "queue.stale": lambda value: value > 5,
    "pipeline.stopped": _ANY,
    "pipeline.stuck": _ANY,
    "pipeline.zombie": _ANY,
    "pipeline.false_success": _ANY,
    "pipeline.orphan": _ANY,
    "pipeline.overdue": _ANY,
    "pipeline.dead": lambda value: value > 20,
    "pipeline.dead_ratio": lambda value: value > 0.2,
    "pipeline.unfinished_s": _ANY,
    "calls.missing_ratio": lambda value: value > 0.5,
    "recordings.availability": lambda value: value < 0.7,
    "recordings.shortfall": lambda value: value > 0.33,
    "fields.null_rate": lambda value: value > 0.3,
    "cron.late": lambda value: value >= 2,
    "cron.idle": _ANY,
    "cron.failing": lambda value: value >= 3,
    "webhooks.error_ratio": lambda value: value > 0.1,
    "vendor.error_ratio": lambda value: value > 0.3,
    "vendor.rate_limited": _ANY,
    "vendor.quota": _ANY,
    "sync.volume_ratio": lambda value: value < 0.5,
    "schema.drift": _ANY,
    "schema.index_missing": _ANY,
}


def alarming(facts: Iterable[Fact]) -> list[tuple[str, str]]:
    """(metric, its label) of each fact that an operator must hear of; an unknown one is too, if its past is not too short."""
    found = []
    for fact in facts:
        if fact.value is None and fact.reason == NOT_COMPARABLE:
            continue
        if fact.value is None or ALARMING[fact.metric](fact.value):
            found.append((fact.metric, "/".join(fact.labels.values())))
    return found


def firing(facts: Iterable[Fact], now: datetime) -> list[str]:
    """The built-in rules that fire on these facts."""
    instances = evaluate(RULES, facts, {}, now).instances.values()
    return sorted({instance.rule_id for instance in instances if instance.state == "firing"})


def fact_of(facts: Iterable[Fact], metric: str, **labels: str) -> Fact:
    """The one fact of a metric with these labels."""
    found = [fact for fact in facts if fact.metric == metric and labels.items() <= dict(fact.labels).items()]
    assert len(found) == 1, found
    return found[0]
