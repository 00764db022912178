"""The name of a metric: the path of its field, with the base unit at the end, as Prometheus' conventions want it.

The rules are those of `promtool check metrics`: base units, no abbreviations, no suffix or word that a type reserves.
"""

from collections.abc import Sequence
from dataclasses import dataclass

_PARTS_RENAMED = {"services": "service", "stages": "stage", "crons": "cron", "models": "model", "items": "item"}
# Units of fields whose names do not contain them.
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
    "failure_rate": "ratio",
    "recording_availability": "ratio",
    "field_completeness": "ratio",
    "field_completeness_by_source": "ratio",
}
# A unit as fields name it: the base unit, and its factor.
_BASES = {
    "ms": ("seconds", 0.001),
    "s": ("seconds", 1.0),
    "minutes": ("seconds", 60.0),
    "hours": ("seconds", 3_600.0),
    "days": ("seconds", 86_400.0),
    "mb": ("bytes", 1_048_576.0),
}
_SUFFIXES = ("seconds", "bytes", "ratio", "percent")
# Words for the types of metrics, which a name must not contain.
_TYPES = frozenset({"summary", "gauge", "counter", "histogram", "untyped"})
# Last words that only counters, histograms, summaries and infos may have; empty: without it the name says the same.
_RESERVED = {"total": "size", "count": "", "sum": "amount", "bucket": "group", "info": "details", "created": "creation"}
_FIELDS_RENAMED: dict[tuple[str, ...], str] = {("by_route", "count"): "requests", ("by_endpoint", "count"): "errors"}
# Figures that only grow, until their source is reset.
_COUNTERS = frozenset({("system", "database", "deadlocks")})


@dataclass(frozen=True, slots=True)
class MetricName:
    """The name of a metric without the suffix of counters; factor: from the field's unit to the metric's."""

    family: str
    unit: str
    factor: float
    is_counter: bool

    @property
    def sample(self) -> str:
        """The name of its samples."""
        return f"{self.family}_total" if self.is_counter else self.family


def name_metric(response: str, path: Sequence[str]) -> MetricName:
    """The metric of the field at a path of a response, both by their short names."""
    renamed = _FIELDS_RENAMED.get(tuple(path[-2:]))
    parts = [*path[:-1], renamed] if renamed else list(path)
    unit_of_field = _UNITS.get(path[-1], "")
    words = [word for part in (*parts, unit_of_field) for word in _PARTS_RENAMED.get(part, part).split("_") if word]
    kept, base, factor = _convert_unit([word for word in words if word not in _TYPES])
    unit = kept.pop() if not base and kept[-1] in _SUFFIXES else base
    if not unit and kept[-1] in _RESERVED:
        kept[-1] = _RESERVED[kept[-1]]
    family = "_".join(word for word in ("callwatch", response, *kept, unit) if word)
    return MetricName(family, unit, factor, (response, *path) in _COUNTERS)


def _convert_unit(words: list[str]) -> tuple[list[str], str, float]:
    """The words without the unit that is not a base unit, wherever it stands; that base unit, or none; and the factor."""
    for at in range(len(words) - 1, -1, -1):
        if words[at] in _BASES:
            return [*words[:at], *words[at + 1 :]], *_BASES[words[at]]
    return list(words), "", 1.0
