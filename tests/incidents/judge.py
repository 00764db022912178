"""Limits for samples that leave room for an ordinary day."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from callwatch.alerts.evaluation.evaluate import evaluate
from callwatch.alerts.rules.builtin import RULES
from callwatch.models.sample import Sample
from callwatch.pipeline.freshness import NOT_COMPARABLE

_ANY: Callable[[float], bool] = lambda value: value > 0  # noqa: E731
ALARMING: Mapping[str, Callable[[float], bool]] = {
    "queue.pending": lambda value: value > 100,
    "queue.stale": lambda value: value > 5,
    "pipeline.stopped": _ANY,
    "pipeline.stuck": _ANY,
    "pipeline.undated": _ANY,
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
    "cron.missing": _ANY,
    "product.clock_skew": _ANY,
    "product.unreadable": _ANY,
    "product.unlisted": _ANY,
    "webhooks.error_ratio": lambda value: value > 0.1,
    "vendor.error_ratio": lambda value: value > 0.3,
    "vendor.rate_limited": _ANY,
    "vendor.quota": _ANY,
    "sync.volume_ratio": lambda value: value < 0.5,
    "schema.drift": _ANY,
    "schema.index_missing": _ANY,
}


def alarming(samples: Iterable[Sample]) -> list[tuple[str, str]]:
    """Return (metric, its label) of each sample that needs an operator; an unknown one too, if its history is long enough."""
    found = []
    for sample in samples:
        # What only says that an alert is not over yet needs nobody where none fires.
        if sample.is_abstention or (sample.value is None and sample.reason == NOT_COMPARABLE):
            continue
        if sample.value is None or ALARMING[sample.metric](sample.value):
            found.append((sample.metric, "/".join(sample.labels.values())))
    return found


def firing(samples: Iterable[Sample], now: datetime) -> list[str]:
    """Return the built-in rules that fire on these samples."""
    instances = evaluate(RULES, samples, {}, now).instances.values()
    return sorted({instance.rule_id for instance in instances if instance.state == "firing"})


def find_sample(samples: Iterable[Sample], metric: str, **labels: str) -> Sample:
    """Return the one sample of a metric with these labels."""
    found = [sample for sample in samples if sample.metric == metric and labels.items() <= dict(sample.labels).items()]
    assert len(found) == 1, found
    return found[0]
