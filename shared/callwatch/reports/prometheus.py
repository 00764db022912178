"""The figures in Prometheus' text format (version 0.0.4); an unknown figure is absent, never 0.

Names follow the answers: callwatch_<answer>_<path>, with the unit at the end. What an answer lists by stage, cron,
route, service and the like stands in a label.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

_ANSWERS = {
    "health": "/api/health",
    "system": "/api/metrics/system",
    "jobs": "/api/metrics/jobs",
    "errors": "/api/metrics/errors",
    "pipeline": "/api/pipeline",
}
# Objects whose keys become labels, one a level, and lists one of whose fields becomes one; other lists are no figures.
_LABELS_BY_KEY = {
    "services": ("service",),
    "by_category": ("category",),
    "field_completeness": ("field",),
    "field_completeness_by_source": ("source", "field"),
}
_LABELS_BY_FIELD = {
    "by_route": ("route", "route"),
    "by_endpoint": ("endpoint", "endpoint"),
    "stages": ("stage", "name"),
    "crons": ("cron", "name"),
}
_SKIPPED = frozenset({"timestamp", "unknown", "environment"})
_STATUS = {"healthy": 0.0, "degraded": 1.0, "unhealthy": 2.0}
_PARTS_RENAMED = {"services": "service", "stages": "stage", "crons": "cron"}
# Where a field's name does not say its unit.
_UNITS = {
    "uptime": "seconds",
    "latency": "ms",
    "avg": "ms",
    "p50": "ms",
    "p95": "ms",
    "p99": "ms",
    "avg_response_time": "ms",
    "utilization": "percent",
    "request_rate": "per_second",
    "error_rate": "ratio",
    "success_rate": "ratio",
    "recording_availability": "ratio",
    "field_completeness": "ratio",
    "field_completeness_by_source": "ratio",
}


@dataclass(slots=True)
class _Family:
    """One metric: what its HELP line says, and its samples by labels."""

    about: str
    samples: dict[tuple[tuple[str, str], ...], float] = field(default_factory=dict)


def exposition(answers: Mapping[str, Mapping[str, Any]]) -> str:
    """All numbers, truths and times of some answers, which are given by their short names."""
    families: dict[str, _Family] = {}
    for short_name, answer in answers.items():
        for path, labels, value in _samples(answer, (), {}):
            about = f"{'.'.join(path)} of GET {_ANSWERS[short_name]}"
            family = families.setdefault(_name(short_name, path), _Family(about))
            family.samples[tuple(sorted(labels.items()))] = value
    return "".join(line for name, family in sorted(families.items()) for line in _lines(name, family))


def _samples(
    value: Any, path: tuple[str, ...], labels: Mapping[str, str]
) -> Iterator[tuple[tuple[str, ...], Mapping[str, str], float]]:
    if isinstance(value, (bool, int, float)):
        yield path, labels, float(value)
    elif isinstance(value, datetime):
        yield (*path, "timestamp_seconds"), labels, value.timestamp()
    elif path and path[-1] == "status" and value in _STATUS:
        yield path, labels, _STATUS[value]
    elif isinstance(value, Mapping):
        for name, item in value.items():
            if name not in _SKIPPED:
                for part, more in _labelled(name, item):
                    yield from _samples(part, (*path, name), {**labels, **more})


def _labelled(name: str, item: Any) -> list[tuple[Any, dict[str, str]]]:
    """What stands under a name, in parts that a label tells apart; as a whole where there is none."""
    if name in _LABELS_BY_KEY:
        return _by_keys(item, _LABELS_BY_KEY[name])
    if name in _LABELS_BY_FIELD and isinstance(item, list):
        label, key = _LABELS_BY_FIELD[name]
        return [({n: part[n] for n in part if n != key}, {label: str(part[key])}) for part in item]
    return [(item, {})]


def _by_keys(item: Any, names: tuple[str, ...]) -> list[tuple[Any, dict[str, str]]]:
    if not names or not isinstance(item, Mapping):
        return [(item, {})]
    return [(part, {names[0]: str(key), **deeper}) for key, value in item.items() for part, deeper in _by_keys(value, names[1:])]


def _name(answer: str, path: tuple[str, ...]) -> str:
    unit = [_UNITS[path[-1]]] if path[-1] in _UNITS else []
    return "_".join(["callwatch", answer, *(_PARTS_RENAMED.get(part, part) for part in path), *unit])


def _lines(name: str, family: _Family) -> Iterator[str]:
    yield f"# HELP {name} {family.about}\n"
    yield f"# TYPE {name} gauge\n"
    for labels, value in sorted(family.samples.items()):
        shown = ",".join(f'{label}="{_escape(text)}"' for label, text in labels)
        yield f"{name}{{{shown}}} {_number(value)}\n" if shown else f"{name} {_number(value)}\n"


def _escape(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
