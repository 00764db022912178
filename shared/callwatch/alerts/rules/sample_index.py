"""Finds the samples that a rule applies to, without a look at all others."""

from collections.abc import Iterable, Mapping

from callwatch.alerts.rules.rule import AlertRule
from callwatch.models.sample import Sample


class SampleIndex:
    """The samples of one evaluation by metric, and by each label that a rule asks for: a rule costs its own samples, not all."""

    def __init__(self, samples: Iterable[Sample]) -> None:
        self._by_metric: dict[str, list[Sample]] = {}
        # For a metric and the name of a label, the places of the samples by its value; None: of the unknown ones without it.
        self._by_label: dict[tuple[str, str], dict[str | None, list[int]]] = {}
        for sample in samples:
            self._by_metric.setdefault(sample.metric, []).append(sample)

    def replace_metric(self, metric: str, samples: Iterable[Sample]) -> "SampleIndex":
        """Return an index with these samples in place of the metric's."""
        found = SampleIndex(())
        found._by_metric = {**self._by_metric, metric: list(samples)}
        return found

    def list_for(self, rule: AlertRule, metric: str) -> list[Sample]:
        """Return the samples of a metric that a rule applies to, in their order."""
        of_metric = self._by_metric.get(metric, [])
        if not rule.labels or not of_metric:
            return of_metric
        name, value = min(rule.labels.items())
        places = self._by_label.setdefault((metric, name), {}) or self._index(metric, name)
        return [
            of_metric[place] for place in sorted([*places.get(value, ()), *places.get(None, ())]) if rule.fits(of_metric[place])
        ]

    def _index(self, metric: str, name: str) -> Mapping[str | None, list[int]]:
        places = self._by_label[metric, name]
        for place, sample in enumerate(self._by_metric[metric]):
            if name in sample.labels:
                places.setdefault(sample.labels[name], []).append(place)
            elif sample.value is None:
                places.setdefault(None, []).append(place)
        return places
