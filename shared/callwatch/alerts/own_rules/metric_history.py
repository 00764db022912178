"""The kept samples of the past: what each evaluation judged, minute by minute, for seven days."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from callwatch.alerts.evaluation.evaluate import BLIND_METRIC, BROKEN_METRIC
from callwatch.alerts.rules.sanitize import clean_samples
from callwatch.db.alert_queries.metric_minutes import MetricMinute, keep_minute
from callwatch.db.core.connect import AnyConnection
from callwatch.models.reason import Reason
from callwatch.models.sample import Sample

# A metric with more instances is kept as unread: a part of it would make the rest look clear.
_MAX_SAMPLES = 300
# Both are figures of the evaluation itself, which only it knows.
_NEVER_KEPT = (BLIND_METRIC, BROKEN_METRIC)
_UNKNOWN = Reason("unavailable", "it was unknown")
_INCONCLUSIVE = Reason("no_traffic", "nothing newer had been measured")


@dataclass(frozen=True, slots=True)
class PastMinute:
    """What was known in one minute. unread: prefixes of metrics that were not."""

    at: datetime
    samples: list[Sample]
    unread: tuple[str, ...]


def keep_samples(conn: AnyConnection, at: datetime, samples: Iterable[Sample], unread: Sequence[str]) -> None:
    """Store the samples of an evaluation. The caller commits."""
    by_metric: dict[str, list[Any]] = {}
    for sample in clean_samples(samples):
        kept: list[Any] = [sample.value, dict(sample.labels)]
        is_doubted = sample.inconclusive is not None or sample.gone is not None
        by_metric.setdefault(sample.metric, []).append([*kept, 1] if is_doubted else kept)
    too_many = [metric for metric, found in by_metric.items() if len(found) > _MAX_SAMPLES]
    for metric in too_many:
        del by_metric[metric]
    keep_minute(conn, at, by_metric, [*unread, *too_many])


def load_minute(row: MetricMinute) -> PastMinute:
    """Build the samples of a kept minute; what a defect damaged is unread."""
    samples: list[Sample] = []
    unread: list[str] = [each for each in row["unread"] if isinstance(each, str)] if isinstance(row["unread"], list) else [""]
    for metric, found in (row["samples"] or {}).items():
        try:
            samples += _load_samples(metric, found)
        except (TypeError, ValueError):
            unread.append(metric)
    return PastMinute(row["minute"], samples, (*unread, *_NEVER_KEPT))


def find_worst(comparison: str | None, values: Iterable[float]) -> float | None:
    """Return the value that is worst by a comparison with a threshold: the least where low values are bad; None of no values."""
    return (min if comparison in ("<", "<=") else max)(values, default=None)


def load_samples(metric: str, found: Any) -> list[Sample]:
    """Build the kept samples of one metric; none if a defect damaged them."""
    try:
        return _load_samples(metric, found)
    except (TypeError, ValueError):
        return []


def _load_samples(metric: str, found: Iterable[Any]) -> list[Sample]:
    # JSON has no other type of labels; a value that is no number becomes unknown in clean_samples.
    return list(clean_samples([_load_sample(metric, *each) for each in found]))


def _load_sample(metric: str, value: Any, labels: Any, is_inconclusive: Any = 0) -> Sample:
    """Build the sample of a kept value; minutes of earlier versions do not say whether it is conclusive."""
    doubt = _INCONCLUSIVE if is_inconclusive else None
    return Sample(metric, value, None if value is not None or doubt else _UNKNOWN, labels, inconclusive=doubt)
