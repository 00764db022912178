"""Groups the samples of a rule by instance: what is known of each, and what is missing. Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from callwatch.alerts.evaluation.context import Subjects
from callwatch.alerts.evaluation.instance import Instance, build_instance_key
from callwatch.alerts.rules.rule import AlertRule, Condition, name_custom_metric
from callwatch.alerts.rules.sample_index import SampleIndex
from callwatch.models.alert import EndReason
from callwatch.models.sample import Sample


@dataclass(slots=True)
class Found:
    """The data to evaluate one instance with.

    unread: a metric of its rule could not be read and has no sample. is_absent: an incomplete list does not contain it.
    end: how it ends, and why, because its subject does not exist any more or is not watched. is_unreported: its source was
    read, and nothing was measured of it.
    """

    labels: Mapping[str, str]
    pairs: list[tuple[Condition, Sample]]
    unread: bool = False
    is_absent: bool = False
    end: tuple[EndReason, str] | None = None
    is_unreported: bool = False


def group_samples(rule: AlertRule, samples: SampleIndex, known: Mapping[str, Instance]) -> dict[str, Found]:
    """Group the samples of a rule by instance."""
    found: dict[str, Found] = {}
    blanks: list[tuple[Condition, Sample]] = []
    for condition in rule.list_conditions():
        for sample in samples.list_for(rule, condition.metric):
            if condition.concerns(sample):
                labels = rule.pick_labels(sample)
                key = build_instance_key(rule.id, labels)
                if not is_known(sample):
                    blanks.append((condition, sample))
                if not sample.is_abstention or _fires(known.get(key)):
                    found.setdefault(key, Found(labels, [])).pairs.append((condition, sample))
    for key, instance in known.items():
        # A sample that is unknown for the whole is unknown for each of its parts.
        for condition, sample in blanks:
            seen = found.get(key)
            is_part = sample.labels.items() < instance.labels.items() and condition.concerns_labels(instance.labels)
            is_part = is_part and (not sample.is_abstention or _fires(instance))
            if is_part and (seen is None or all(each.metric != sample.metric for _condition, each in seen.pairs)):
                found.setdefault(key, Found(instance.labels, [])).pairs.append((condition, sample))
    return found


def _fires(instance: Instance | None) -> bool:
    return instance is not None and instance.state == "firing"


def is_absent(rule: AlertRule, instance: Instance, found: Found, complete: Sequence[str]) -> bool:
    """Whether the condition that an instance fires by has no sample because the list of its source is incomplete."""
    if instance.state != "firing" or instance.metric is None or instance.metric.startswith(tuple(complete)):
        return False
    of_metric = [condition for condition in rule.list_conditions() if condition.metric == instance.metric]
    fired_by = (instance.comparison, instance.threshold)
    # Its condition may have changed since it fired.
    same = [condition for condition in of_metric if (condition.comparison, condition.threshold) == fired_by] or of_metric
    return all(condition not in same for condition, _sample in found.pairs)


def find_end(rule: AlertRule, instance: Instance, found: Found, subjects: Subjects) -> tuple[EndReason, str] | None:
    """How a firing instance ends, and why, because nothing more will be measured of it; None if it may go on."""
    metric, labels = instance.metric, instance.labels
    if instance.state != "firing" or metric is None or metric.startswith(tuple(subjects.doubtful)):
        return None
    why = subjects.find_unwatched(metric, labels) or _find_uncovered(rule, metric, labels)
    if why is not None:
        return "no_longer_watched", why
    own = [sample for _condition, sample in found.pairs if sample.metric == metric]
    gone = next((sample.gone for sample in own if sample.gone is not None), None)
    if gone is not None:
        return "no_longer_reported", gone.message
    is_listed = bool(own) or found.unread or found.is_absent or not metric.startswith(tuple(subjects.lasting))
    return None if is_listed else ("no_longer_reported", "its source reports all that there is, and no longer this")


def is_doubtful(instance: Instance, found: Found, subjects: Subjects) -> bool:
    """Whether a firing instance has no sample, and its settings are invalid, so that nobody can tell why."""
    if instance.state != "firing" or instance.metric is None or not instance.metric.startswith(tuple(subjects.doubtful)):
        return False
    return all(sample.metric != instance.metric for _condition, sample in found.pairs)


def _find_uncovered(rule: AlertRule, metric: str, labels: Mapping[str, str]) -> str | None:
    """Why a rule that was changed does not concern an instance any more; None if it does."""
    if name_custom_metric(rule.id) in rule.metrics:
        # It stands for a rule that cannot be read, or asks a function: nothing says that it was about something else.
        return None
    own = {name: value for name, value in rule.labels.items() if name not in rule.joined}
    if metric not in rule.metrics or any(labels.get(name) != value for name, value in own.items()):
        return "its rule was changed, and does not concern it any more"
    return None


def is_unreported(instance: Instance, found: Found, subjects: Subjects) -> bool:
    """Whether the source of a firing instance, which names its subjects itself, was read and measured nothing of it."""
    metric = instance.metric
    if instance.state != "firing" or metric is None or not instance.labels or found.unread:
        return False
    own = [sample for _condition, sample in found.pairs if sample.metric == metric]
    return metric.startswith(tuple(subjects.passing)) and all(sample.is_abstention for sample in own)


def is_known(sample: Sample) -> bool:
    """Whether a sample has a value that can be compared."""
    return sample.value is not None and math.isfinite(sample.value)
