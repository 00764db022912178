"""Time series for the charts: depth of the stages, errors, requests, latency of the services."""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from callwatch.checks.registry import checks_of
from callwatch.db import connection
from callwatch.db.connect import AnyConnection
from callwatch.db.cycles import last_cycle_at
from callwatch.db.series import errors_by_step, latencies_by_step, requests_by_step
from callwatch.db.stage_depths import depths_between
from callwatch.db.unread import UNREAD, why_unread
from callwatch.models.latency import percentile
from callwatch.settings import get_settings

# Length of a range and of one step of it, in s: about as many points as a chart is wide.
RANGES: Mapping[str, tuple[int, int]] = {
    "1h": (3600, 60),
    "6h": (6 * 3600, 300),
    "24h": (86_400, 900),
    "7d": (7 * 86_400, 3600),
    "30d": (30 * 86_400, 4 * 3600),
    "90d": (90 * 86_400, 12 * 3600),
}
_SEVERITIES = ("critical", "high", "medium", "low")
_STATEMENT_TIMEOUT_MS = 5_000
_NOT_KEPT = "from before the monitor was set up, or older than what is kept"
# Why a point of a series may be null; counts are known of every step that is kept.
_WHY: Mapping[str, str] = {
    "pending": "not measured",
    "completed": "not measured",
    "latency": "no answer of a probe is kept",
    **dict.fromkeys(("p50", "p95", "p99", "error_rate"), "no traffic"),
}
_FIGURES = {"pending": ("peak", "count"), "completed": ("mean", "per_minute")}


class Steps:
    """The equal steps of a range: the last is the one that `now` lies in, and has only just begun.

    kept_since: of what was before it nothing is known, not even that nothing happened.
    """

    def __init__(self, now: datetime, length_s: int, step_s: int, kept_since: datetime) -> None:
        last = datetime.fromtimestamp(now.timestamp() // step_s * step_s, UTC)
        self.now = now
        self.kept_since = kept_since
        self.step = timedelta(seconds=step_s)
        self.since = last - timedelta(seconds=length_s) + self.step
        self.until = last + self.step
        self.starts = [self.since + n * self.step for n in range(length_s // step_s)]

    def points(self, values: Mapping[datetime, float | None]) -> list[list[Any]]:
        """[time, value] of every step; None where there is none."""
        return [[start, values.get(start)] for start in self.starts]

    def counts(self, values: Mapping[datetime, float | None]) -> list[list[Any]]:
        """[time, value] of every step; 0 where nothing was counted in a step that is kept."""
        return [[start, values.get(start, 0 if self.is_kept(start) else None)] for start in self.starts]

    def is_kept(self, start: datetime) -> bool:
        """Whether what happened in a step, or in a part of it, is known."""
        return start + self.step > self.kept_since

    def minutes_of(self, start: datetime) -> float:
        """How much of a step has passed, in minutes; 1 at least."""
        return max(60.0, (min(start + self.step, self.now) - start).total_seconds()) / 60


def history(now: datetime, metric: str, range_name: str) -> dict[str, Any]:
    """The answer of GET /api/metrics/history for one of METRICS over one of RANGES."""
    length_s, step_s = RANGES[range_name]
    steps = Steps(now, length_s, step_s, now - timedelta(days=get_settings().retention_days))
    answer = {
        "timestamp": now,
        "metric": metric,
        "range": range_name,
        "step_s": step_s,
        "from": steps.since,
        "to": steps.until,
    }
    try:
        with connection(statement_timeout_ms=_STATEMENT_TIMEOUT_MS) as conn:
            _last_at, set_up_at = last_cycle_at(conn)
            steps.kept_since = max(steps.kept_since, set_up_at)
            series = METRICS[metric](conn, steps)
    except UNREAD as error:
        return {**answer, "series": None, "unknown": {"series": why_unread(error)}}
    return {**answer, "series": series, "unknown": _unknown(series, steps)}


def _unknown(series: list[dict[str, Any]], steps: Steps) -> dict[str, str]:
    return {
        f"series.{place}.points.{number}.1": _WHY.get(one["name"], _NOT_KEPT) if steps.is_kept(start) else _NOT_KEPT
        for place, one in enumerate(series)
        for number, (start, value) in enumerate(one["points"])
        if value is None
    }


def _series(name: str, unit: str, points: list[list[Any]], **labels: str) -> dict[str, Any]:
    return {"name": name, "unit": unit, "labels": labels, "points": points}


def _queues(conn: AnyConnection, steps: Steps) -> list[dict[str, Any]]:
    """The highest depth of each step, so that no backlog is thinned away; of completions the mean rate."""
    found: dict[tuple[str, str], dict[datetime, float | None]] = {}
    for row in depths_between(conn, steps.since, steps.until, steps.step):
        if row["figure"] in _FIGURES:
            kind, _unit = _FIGURES[row["figure"]]
            found.setdefault((row["figure"], row["stage"]), {})[row["at"]] = round(row[kind], 3)
    order = list(_FIGURES)
    keys = sorted(found, key=lambda key: (order.index(key[0]), key[1]))
    return [_series(f, _FIGURES[f][1], steps.points(found[f, stage]), stage=stage) for f, stage in keys]


def _errors(conn: AnyConnection, steps: Steps) -> list[dict[str, Any]]:
    """Every severity, 0 where none was counted in a step that is kept: that is known."""
    found: dict[str, dict[datetime, float | None]] = {severity: {} for severity in _SEVERITIES}
    for row in errors_by_step(conn, steps.since, steps.until, steps.step):
        found.setdefault(row["severity"], {})[row["at"]] = row["count"]
    return [_series("errors", "count", steps.counts(found[severity]), severity=severity) for severity in found]


def _requests(conn: AnyConnection, steps: Steps) -> list[dict[str, Any]]:
    """The rate of every step; latencies and the share of 5xx only where there was traffic."""
    counts: dict[datetime, Counter[int]] = {}
    failed: Counter[datetime] = Counter()
    for row in requests_by_step(conn, steps.since, steps.until, steps.step):
        counts.setdefault(row["at"], Counter())[row["bucket"]] += row["count"]
        failed[row["at"]] += row["errors"]
    totals = {at: found.total() for at, found in counts.items()}
    rates = {at: round(total / steps.minutes_of(at), 3) for at, total in totals.items()}
    shares = {at: round(failed[at] / total, 5) for at, total in totals.items()}
    series = [_series("rpm", "per_minute", steps.counts(rates))]
    for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
        series.append(_series(name, "ms", steps.points({at: percentile(found, share) for at, found in counts.items()})))
    return [*series, _series("error_rate", "ratio", steps.points(shares))]


def _services(conn: AnyConnection, steps: Steps) -> list[dict[str, Any]]:
    names = list(checks_of(get_settings()))
    found: dict[str, dict[datetime, float | None]] = {name: {} for name in names}
    for row in latencies_by_step(conn, steps.since, steps.until, steps.step, names):
        latency_ms = row["latency_ms"]
        found[row["service"]][row["at"]] = None if latency_ms is None else round(latency_ms, 1)
    return [_series("latency", "ms", steps.points(found[name]), service=name) for name in names]


METRICS: Mapping[str, Callable[[AnyConnection, Steps], list[dict[str, Any]]]] = {
    "queues": _queues,
    "errors": _errors,
    "requests": _requests,
    "services": _services,
}
