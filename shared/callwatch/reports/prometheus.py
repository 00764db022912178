"""The figures in Prometheus' text format (version 0.0.4); an unknown figure is absent, never 0."""

from collections.abc import Iterable, Mapping
from typing import Any

_SKIPPED = frozenset(
    ["timestamp", "unknown", "by_route", "recent_critical", "top_errors", "trends", "by_endpoint", "environment"]
)
_STATUS = {"healthy": 0, "degraded": 1, "unhealthy": 2}


def exposition(parts: Mapping[str, Mapping[str, Any]]) -> str:
    """Samples of all numbers in some answers: parts by the prefix of their names.

    Names are callwatch_<part>_<path>; `services` become labels.
    """
    lines: list[str] = []
    for part, answer in parts.items():
        for name, labels, value in _samples(answer, [part]):
            metric = "callwatch_" + "_".join(name)
            lines.append(f"{metric}{_labels(labels)} {_number(value)}")
    return "".join(_with_types(sorted(lines)))


def _samples(value: Any, path: list[str]) -> Iterable[tuple[list[str], dict[str, str], float]]:
    if isinstance(value, (bool, int, float)):
        yield path, {}, float(value)
    elif isinstance(value, Mapping):
        for name, item in value.items():
            if name in _SKIPPED:
                continue
            if name == "services" and isinstance(item, Mapping):
                yield from _services(item, path)
            elif name == "by_category":
                yield from (([*path, "by_category"], {"category": key}, float(count)) for key, count in (item or {}).items())
            else:
                yield from _samples(item, [*path, str(name)])


def _services(services: Mapping[str, Any], path: list[str]) -> Iterable[tuple[list[str], dict[str, str], float]]:
    for service, state in services.items():
        labels = {"service": str(service)}
        if isinstance(state, Mapping) and state.get("status") in _STATUS:
            yield [*path, "service_status"], labels, float(_STATUS[state["status"]])
        if isinstance(state, Mapping) and isinstance(state.get("latency"), (int, float)):
            yield [*path, "service_latency_ms"], labels, float(state["latency"])


def _with_types(lines: list[str]) -> Iterable[str]:
    previous = ""
    for line in lines:
        name = line.partition("{")[0].partition(" ")[0]
        if name != previous:
            yield f"# TYPE {name} gauge\n"
            previous = name
        yield line + "\n"


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    escaped = (f'{name}="{_escape(value)}"' for name, value in sorted(labels.items()))
    return "{" + ",".join(escaped) + "}"


def _escape(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
