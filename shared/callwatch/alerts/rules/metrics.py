"""The metrics that rules may use: their units and meanings."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Unit = Literal["count", "ms", "s", "ratio", "percent", "times", "status", "yes", "usd"]


@dataclass(frozen=True, slots=True)
class Metric:
    """unit: how its value is written. meaning: a line for the documentation. labels: what distinguishes its samples."""

    unit: Unit
    meaning: str
    labels: tuple[str, ...] = ()


_SERVICE, _STAGE, _GROUP = ("service",), ("stage",), ("group", "environment", "type", "sqlstate")
_EXTERNAL = ("source", "alertname")
_JOB = ("monitor", "environment", "project")

METRICS: Mapping[str, Metric] = {
    "service.status": Metric("status", "a checked service: 0 healthy, 1 degraded, 2 unhealthy", _SERVICE),
    "service.latency_ms": Metric("ms", "how long its probe took", _SERVICE),
    "service.reason_auth": Metric("yes", "1 if a service rejects our API key", _SERVICE),
    "service.reason_quota": Metric("yes", "1 if our quota or credit with it is used up", _SERVICE),
    "service.rate_limited": Metric("yes", "1 if it rejects requests because we send too many", _SERVICE),
    "service.flapping_ratio": Metric(
        "ratio", "share of its probes that failed in 10 minutes, if it recovered and failed again in them; else 0", _SERVICE
    ),
    "database.connections_ratio": Metric("ratio", "sessions on the monitor's PostgreSQL relative to its limit for us"),
    "provider.status": Metric("status", "the same as service.status, of vendors only", _SERVICE),
    "network.unreached_ratio": Metric("ratio", "share of the external services that did not respond in one cycle"),
    "vendor.error_ratio": Metric("ratio", "share of the product's own calls to a vendor that failed", _SERVICE),
    "vendor.rate_limited": Metric("count", "rate limit responses of a vendor to the product", _SERVICE),
    "vendor.quota": Metric("count", "responses of a vendor to the product that a quota is used up", _SERVICE),
    "balance.usd": Metric("usd", "what is left on the account of a vendor", ("service", "project")),
    "balance.days": Metric("count", "days that it lasts at the pace of the last seven", ("service", "project")),
    "queue.pending": Metric("count", "rows that wait in the product's two queues"),
    "queue.stale": Metric("count", "rows there that wait or are in process for far too long"),
    "queue.dead_letters": Metric("count", "messages in our dead-letter queue"),
    "queue.oldest_message_s": Metric("s", "age of the oldest message in our own queue"),
    "queue.waiting_age_s": Metric("s", "age of the oldest message in a queue that is not drained", ("queue",)),
    "queue.archived_messages": Metric("count", "messages that were archived because the queue was about to delete them"),
    "queue.up": Metric("yes", "0 if our own queue does not respond"),
    "product_database.up": Metric("yes", "0 if the product's database does not respond", _SERVICE),
    "pipeline.stopped": Metric("yes", "1 if due work waits and none is completed", _STAGE),
    "pipeline.stuck": Metric("count", "rows stuck in processing", _STAGE),
    "pipeline.undated": Metric("count", "open rows without a usable timestamp, which rules on age do not see", _STAGE),
    "pipeline.zombie": Metric("count", "waiting rows that no worker will take", _STAGE),
    "pipeline.dead": Metric("count", "dead letters of the last hour", _STAGE),
    "pipeline.dead_ratio": Metric("ratio", "share of dead letters among the work that ended in the last hour", _STAGE),
    "pipeline.false_success": Metric("count", "rows marked completed without a result", _STAGE),
    "pipeline.orphan": Metric("count", "calls with a recording that are in no queue", _STAGE),
    "pipeline.overdue": Metric("count", "rows whose next attempt is more than 10 minutes overdue", _STAGE),
    "pipeline.unfinished_s": Metric("s", "age of the oldest transcript without an analysis", _STAGE),
    "forecast.backlog_s": Metric("s", "time until the backlog of a stage reaches its limit; none unless it grows", _STAGE),
    "forecast.quota_s": Metric("s", "time until the quota of a day is used up; none if it lasts the day", ("service", "model")),
    "calls.missing_ratio": Metric("ratio", "share of the expected calls that are missing, in the worst window of 15 min to 48 h"),
    "agency.silent": Metric("yes", "1 if the calls of an agency stopped while those of others go on", ("agency",)),
    "recordings.availability": Metric("ratio", "share of recent ended calls that have a recording"),
    "recordings.shortfall": Metric("ratio", "how far that share is below the usual one of earlier days"),
    "fields.null_rate": Metric("ratio", "share of recent calls without a key field", ("field", "source")),
    "cron.late": Metric("times", "age of a cron's last success in periods", ("cron",)),
    "cron.idle": Metric("yes", "1 if a cron runs but does nothing although there is work", ("cron",)),
    "cron.failing": Metric("count", "crons that are late, or run but do nothing although there is work"),
    "cron.missing": Metric("count", "crons without a heartbeat, although the product is older than two of their periods"),
    "check_in.missed": Metric("count", "check-ins in a row that a job owes", _JOB),
    "check_in.failed": Metric("count", "failures in a row that a job reported", _JOB),
    "check_in.overrun": Metric("count", "failures in a row of a job, the first of which takes longer than it may", _JOB),
    "check_in.schedule_invalid": Metric("yes", "1 if the schedule that a job names cannot be used", _JOB),
    "external.critical": Metric("yes", "1 if another monitor reports a critical alert", _EXTERNAL),
    "external.error": Metric("yes", "1 if another monitor reports an error", _EXTERNAL),
    "external.warning": Metric("yes", "1 if another monitor reports a warning", _EXTERNAL),
    "external.info": Metric("yes", "1 if another monitor reports an alert of level info", _EXTERNAL),
    "external.refused": Metric("yes", "1 if other monitors report more alerts at once than are kept", ("project",)),
    "check_in.refused": Metric("yes", "1 if a project sends check-ins of more monitors than are kept", ("project",)),
    "cost.per_call_usd": Metric("usd", "mean cost of the calls of today all of whose usage has a price; from 20 calls on"),
    "cost.spike": Metric("times", "mean cost of the newest 50 calls relative to that of earlier days"),
    "cost.unpriced_calls": Metric("count", "calls of today that used a model without a price", ("service", "model")),
    "product.clock_skew": Metric("count", "rows of a column with a time in the future", ("table", "column")),
    "product.unreadable": Metric("count", "rows of a column with an impossible time", ("table", "column")),
    "product.unlisted": Metric(
        "count", "rows with a state or word that the stage file does not name", ("stage", "table", "column")
    ),
    "webhooks.error_ratio": Metric("ratio", "share of webhooks with a 5xx response"),
    "sync.volume_ratio": Metric("times", "records of the latest sync relative to the same hour of earlier days", ("sync",)),
    "schema.drift": Metric("yes", "1 if a table or column is missing", ("table", "column")),
    "schema.lost": Metric("yes", "1 if figures that were known cannot be read any more", ("table", "column")),
    "schema.index_missing": Metric("yes", "1 if an advised index is missing", ("table", "index")),
    "requests.avg_ms_5m": Metric("ms", "average response time of the product, 5 minutes"),
    "requests.p95_ms_5m": Metric("ms", "95th percentile of the product's response time, 5 minutes"),
    "requests.count_5xx_5m": Metric("count", "5xx responses in 5 minutes"),
    "requests.route_p95_ms": Metric(
        "ms", "95th percentile of one route, 5 minutes; the median if there are fewer than 20 requests", ("route",)
    ),
    "slo.errors_burn": Metric("times", "how many times too fast the budget of 1 % errors is used up", ("window",)),
    "slo.latency_burn": Metric("times", "the same for 95 % of responses within 3 s", ("window",)),
    "slo.uptime_burn": Metric("times", "the same for 99.9 % uptime", ("window",)),
    "access.logged_ratio": Metric(
        "ratio", "share of the requests that answered with personal data that have a record of access, by route", ("route",)
    ),
    "errors.last_hour": Metric("count", "the product's errors of the last hour"),
    "errors.critical_last_hour": Metric("count", "the product's critical errors of the last hour"),
    "errors.new_group": Metric("yes", "1 for an error group first seen in the last 15 minutes", _GROUP),
    "errors.new_groups": Metric("count", "error groups first seen in the last 15 minutes"),
    "errors.regressed_group": Metric("yes", "1 for a resolved group that came back in the last 15 minutes", _GROUP),
    "errors.spike": Metric("times", "errors of a group in 5 minutes relative to its own past", ("group",)),
    "errors.sqlstate": Metric("count", "errors of the last hour with a SQLSTATE of broken queries", ("sqlstate",)),
    "errors.client_discarded": Metric(
        "count",
        "errors of this hour and the last that clients report as lost before they were sent, without those of users offline",
    ),
    "errors.client_offline": Metric(
        "count", "errors of the same time that browsers or phones could not send for want of a network"
    ),
    "runtime.memory_percent": Metric("percent", "memory of the monitor's function relative to its limit", ("function",)),
    "channel.broken": Metric("yes", "1 if a channel does not deliver notifications", ("channel",)),
    "configuration.invalid": Metric("yes", "1 for an invalid setting", ("variable", "affects")),
    "monitor.lost_errors": Metric("count", "errors that our own tracker could not hand to the queue"),
    "clock.jump_s": Metric("s", "how far the clock jumped ahead of the time that retention trusts"),
    "clock.difference_s": Metric("s", "difference between the clocks of monitor and database"),
    "monitor.silence_s": Metric("s", "time since the monitor's previous cycle"),
    "monitor.unknown_ratio": Metric("ratio", "share of the rules that have no data"),
    "monitor.missed_evaluations": Metric("count", "cycles without evaluation: in a row, or of the last 10 if failures recur"),
    "rule.failed_cycles": Metric("count", "cycles in a row in which a rule could not be evaluated", ("rule",)),
}

_STATUS = ("healthy", "degraded", "unhealthy")


def find_unit(metric: str | None) -> Unit:
    """Return the unit of a metric; "count" for one without an entry, such as a condition in Python."""
    return METRICS[metric].unit if metric is not None and metric in METRICS else "count"


def format_value(value: float | None, metric: str | None) -> str:
    """Format a value with the unit of its metric: "4.2 s", "97 %", "unhealthy"."""
    return format_figure(value, find_unit(metric))


def format_figure(value: float | None, unit: str | None) -> str:
    """Format a value with its unit."""
    if value is None:
        return "unknown"
    if unit == "status":
        return _STATUS[min(max(int(value), 0), 2)]
    if unit == "yes":
        return "yes" if value else "no"
    if unit in ("ms", "s"):
        return format_duration(value / 1000 if unit == "ms" else value)
    if unit == "usd":
        return f"${value:,.2f}" if abs(value) >= 1 else f"${value:.3g}"
    if unit == "ratio":
        return f"{format_number(100 * value)} %"
    return format_number(value) + {"percent": " %", "times": "x"}.get(unit or "", "")


def format_duration(seconds: float) -> str:
    """Format a duration in its two largest units."""
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


def format_number(value: float) -> str:
    """Format a number without noise."""
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"


def is_metric(name: str) -> bool:
    """Whether rules can use the metric."""
    return name in METRICS


def find_nearest_metric(name: str) -> str | None:
    """Return the metric with the most similar name."""
    return next(iter(difflib.get_close_matches(name, METRICS, 1, 0.6)), None)
