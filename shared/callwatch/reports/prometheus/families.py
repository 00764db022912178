"""Collects the figures of responses as families of samples; an unknown value is absent, never 0.

Lists by stage, cron, route, service and the like use a label.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from callwatch.reports.prometheus.names import MetricName, name_metric

_ANSWERS = {
    "health": "/api/health",
    "system": "/api/metrics/system",
    "jobs": "/api/metrics/jobs",
    "errors": "/api/metrics/errors",
    "pipeline": "/api/pipeline",
    "ingest": "/api/ingest",
}
# Objects whose keys become labels (one per level), and lists with fields that become some; other lists are skipped.
_LABELS_BY_KEY = {
    "services": ("service",),
    "by_category": ("category",),
    "by_reason": ("reason",),
    "field_completeness": ("field",),
    "field_completeness_by_source": ("source", "field"),
}
_LABELS_BY_FIELD = {
    "by_route": {"route": "route"},
    "by_endpoint": {"endpoint": "endpoint"},
    "stages": {"name": "stage"},
    "crons": {"name": "cron"},
    "unlisted_states": {"state": "state"},
    "misspelled": {"table": "table", "column": "column"},
    "odd_rows": {"table": "table", "column": "column"},
    "by_name": {"kind": "kind", "name": "name"},
    "items": {"project": "project", "sdk": "sdk", "category": "category"},
    "models": {"provider": "provider", "model": "model", "operation": "operation"},
}
_SKIPPED = frozenset({"timestamp", "unknown", "environment"})
_WORD = re.compile(r"[a-z][a-z0-9_]*")
_STATUS = {"healthy": 0.0, "degraded": 1.0, "unhealthy": 2.0}


@dataclass(slots=True)
class Family:
    """One metric: its name, what it says, and its samples by labels."""

    name: MetricName
    about: str
    samples: dict[tuple[tuple[str, str], ...], float] = field(default_factory=dict)


def collect_families(answers: Mapping[str, Mapping[str, object]]) -> list[Family]:
    """All numbers, booleans and times of some responses, which are given by their short names, in the order of the names."""
    families: dict[str, Family] = {}
    for short_name, answer in answers.items():
        for path, labels, value in _list_samples(answer, (), {}):
            name = name_metric(short_name, path)
            unit = f", in {name.unit}" if name.unit else ""
            about = f"{'.'.join(path)} of GET {_ANSWERS[short_name]}{unit}"
            family = families.setdefault(name.sample, Family(name, about))
            family.samples[tuple(sorted(labels.items()))] = _convert(value, name.factor)
    return [families[name] for name in sorted(families)]


def _convert(value: float, factor: float) -> float:
    # A product of a decimal fraction has digits that nobody measured.
    return value if factor == 1 else round(value * factor, 9)


def _list_samples(
    value: object, path: tuple[str, ...], labels: Mapping[str, str]
) -> Iterator[tuple[tuple[str, ...], Mapping[str, str], float]]:
    if isinstance(value, (bool, int, float)):
        yield path, labels, float(value)
    elif isinstance(value, datetime):
        yield (*path, "timestamp_seconds"), labels, value.timestamp()
    elif path and path[-1] == "status" and isinstance(value, str) and value in _STATUS:
        yield path, labels, _STATUS[value]
    elif isinstance(value, Mapping):
        for name, item in value.items():
            # A key that is no word of ours would be no name of a metric either.
            if name not in _SKIPPED and _WORD.fullmatch(name):
                for part, more in _split_by_label(name, item):
                    yield from _list_samples(part, (*path, name), {**labels, **more})


def _split_by_label(name: str, item: object) -> list[tuple[object, dict[str, str]]]:
    """Split the value of a name into parts with a label; the whole value if there is no label."""
    if name in _LABELS_BY_KEY:
        return _split_by_keys(item, _LABELS_BY_KEY[name])
    if name in _LABELS_BY_FIELD and isinstance(item, list):
        labels = _LABELS_BY_FIELD[name]
        return [
            ({n: part[n] for n in part if n not in labels}, {label: str(part[key]) for key, label in labels.items()})
            for part in item
        ]
    return [(item, {})]


def _split_by_keys(item: object, names: tuple[str, ...]) -> list[tuple[object, dict[str, str]]]:
    if not names or not isinstance(item, Mapping):
        return [(item, {})]
    return [
        (part, {names[0]: str(key), **deeper}) for key, value in item.items() for part, deeper in _split_by_keys(value, names[1:])
    ]
