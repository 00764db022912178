"""The metrics that rules may be judged by: their units, and what they mean."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Unit = Literal["count", "ms", "s", "ratio", "percent", "times", "status", "yes"]


@dataclass(frozen=True, slots=True)
class Metric:
    """unit: how its value is written for people. meaning: a line for the documentation. labels: what tells its facts apart."""

    unit: Unit
    meaning: str
    labels: tuple[str, ...] = ()


_SERVICE, _STAGE, _GROUP = ("service",), ("stage",), ("group", "environment", "type")

METRICS: Mapping[str, Metric] = {
    "service.status": Metric("status", "a checked service: 0 healthy, 1 degraded, 2 unhealthy", _SERVICE),
    "service.latency_ms": Metric("ms", "how long its probe took", _SERVICE),
    "service.reason_auth": Metric("yes", "1 where a service refuses our key", _SERVICE),
    "service.reason_quota": Metric("yes", "1 where our quota or credit with it is used up", _SERVICE),
    "service.rate_limited": Metric("yes", "1 where it answers that we ask too often", _SERVICE),
    "provider.status": Metric("status", "the same as service.status, of vendors only", _SERVICE),
    "vendor.error_ratio": Metric("ratio", "share of the product's own calls to a vendor that failed", _SERVICE),
    "vendor.rate_limited": Metric("count", "rate limits that the product met at a vendor", _SERVICE),
    "vendor.quota": Metric("count", "answers of a vendor to the product that a quota is used up", _SERVICE),
    "queue.pending": Metric("count", "rows that wait in the product's two queues"),
    "queue.stale": Metric("count", "rows there that wait or are in work for far too long"),
    "queue.dead_letters": Metric("count", "messages of our own that could not be digested"),
    "queue.oldest_message_s": Metric("s", "age of the oldest message in our own queue"),
    "queue.up": Metric("yes", "0 where our own queue does not give its messages"),
    "product_database.up": Metric("yes", "0 where the product's database does not answer"),
    "pipeline.stopped": Metric("yes", "1 where due work waits and none is completed", _STAGE),
    "pipeline.stuck": Metric("count", "rows in processing for ever", _STAGE),
    "pipeline.zombie": Metric("count", "waiting rows that no worker will take", _STAGE),
    "pipeline.dead": Metric("count", "dead letters of the last hour", _STAGE),
    "pipeline.dead_ratio": Metric("ratio", "dead letters among what ended in the last hour", _STAGE),
    "pipeline.false_success": Metric("count", "rows said to be completed without a result", _STAGE),
    "pipeline.orphan": Metric("count", "calls with a recording that no queue knows", _STAGE),
    "pipeline.overdue": Metric("count", "rows whose next try is more than 10 minutes past", _STAGE),
    "pipeline.unfinished_s": Metric("s", "age of the oldest transcript without an analysis", _STAGE),
    "calls.missing_ratio": Metric("ratio", "how far the calls of the last hour fall below what is expected"),
    "recordings.availability": Metric("ratio", "share of recent ended calls that have a recording"),
    "recordings.shortfall": Metric("ratio", "by how much that share falls below the usual one of earlier days"),
    "fields.null_rate": Metric("ratio", "share of recent calls without a key field", ("field", "source")),
    "cron.late": Metric("times", "age of a cron's last success in periods", ("cron",)),
    "cron.idle": Metric("yes", "1 where a cron runs and does nothing though there is work", ("cron",)),
    "cron.failing": Metric("count", "crons that are late, or run and do nothing though there is work"),
    "webhooks.error_ratio": Metric("ratio", "share of webhooks answered with 5xx"),
    "sync.volume_ratio": Metric("times", "records of the latest sync against the same hour of earlier days", ("sync",)),
    "schema.drift": Metric("yes", "1 where a table or column is missing", ("table", "column")),
    "schema.index_missing": Metric("yes", "1 where an advised index is missing", ("table", "index")),
    "requests.avg_ms_5m": Metric("ms", "average response time of the product, 5 minutes"),
    "requests.p95_ms_5m": Metric("ms", "95th percentile of it"),
    "requests.count_5xx_5m": Metric("count", "answers of 5xx in 5 minutes"),
    "requests.route_p95_ms": Metric(
        "ms", "95th percentile of one route, 5 minutes; of fewer than 20 requests the median", ("route",)
    ),
    "slo.errors_burn": Metric("times", "how many times too fast the budget of 1 % errors is used up", ("window",)),
    "slo.latency_burn": Metric("times", "the same for 95 % of answers within 3 s", ("window",)),
    "slo.uptime_burn": Metric("times", "the same for 99.9 % uptime", ("window",)),
    "errors.last_hour": Metric("count", "the product's errors of the last hour"),
    "errors.critical_last_hour": Metric("count", "critical ones among them"),
    "errors.new_group": Metric("yes", "1 for an error group first seen in the last 15 minutes", _GROUP),
    "errors.new_groups": Metric("count", "error groups first seen in the last 15 minutes"),
    "errors.regressed_group": Metric("yes", "1 for a resolved group that came back in the last 15 minutes", _GROUP),
    "errors.spike": Metric("times", "errors of a group in 5 minutes against its own past", ("group",)),
    "errors.sqlstate": Metric("count", "errors of the last hour with a SQLSTATE of broken queries", ("sqlstate",)),
    "runtime.memory_percent": Metric("percent", "memory of the monitor's function against its limit", ("function",)),
    "channel.broken": Metric("yes", "1 where notifications do not get through a channel", ("channel",)),
    "monitor.lost_errors": Metric("count", "errors that our own tracker could not hand to the queue"),
    "monitor.silence_s": Metric("s", "time that passed since the monitor's cycle before this one"),
    "monitor.unknown_ratio": Metric("ratio", "share of the rules that cannot get their data"),
}

_STATUS = ("healthy", "degraded", "unhealthy")


def figure(value: float | None, metric: str | None) -> str:
    """A value with its unit, for people: "4.2 s", "97 %", "unhealthy"."""
    if value is None:
        return "unknown"
    unit = METRICS[metric].unit if metric is not None and metric in METRICS else "count"
    if unit == "status":
        return _STATUS[min(max(int(value), 0), 2)]
    if unit == "yes":
        return "yes" if value else "no"
    if unit in ("ms", "s"):
        return duration(value / 1000 if unit == "ms" else value)
    if unit == "ratio":
        return f"{plain(100 * value)} %"
    return plain(value) + {"percent": " %", "times": "x"}.get(unit, "")


def duration(seconds: float) -> str:
    """A span for people, in its two greatest units."""
    if abs(seconds) < 1:
        return f"{seconds * 1000:.0f} ms"
    if abs(seconds) < 60:
        return f"{seconds:.3g} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{hours // 24} d {hours % 24} h"


def plain(value: float) -> str:
    """A number without noise."""
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"


def is_metric(name: str) -> bool:
    """Whether rules can be judged by it."""
    return name in METRICS


def nearest(name: str) -> str | None:
    """The metric somebody may have meant."""
    return next(iter(difflib.get_close_matches(name, METRICS, 1, 0.6)), None)
