"""Each rule as a plain sentence: what must be measured, and for how long, before it fires."""

import re
from collections.abc import Mapping

from callwatch.alerts.rules.metrics import find_unit, format_duration, format_figure
from callwatch.alerts.rules.rule import AlertRule, Condition, name_custom_metric

_LEAD = re.compile(r"^(?:the number of |the |an? )")
# What a metric measures, as the subject of a sentence.
SUBJECTS: Mapping[str, str] = {
    "service.status": "a checked service",
    "service.latency_ms": "the latency of a checked service",
    "service.flapping_ratio": "the failed share of a service's probes, while it fails and recovers,",
    "database.connections_ratio": "the used share of the database's connections",
    "provider.status": "a vendor",
    "network.unreached_ratio": "the share of external services that do not respond",
    "vendor.error_ratio": "the failed share of the product's calls to a vendor",
    "vendor.rate_limited": "the number of a vendor's rate limit responses",
    "vendor.quota": "the number of a vendor's responses that a quota is used up",
    "balance.usd": "the balance of a vendor's account",
    "balance.days": "the number of days that the balance of a vendor's account lasts",
    "queue.pending": "the number of rows that wait in the product's queues",
    "queue.stale": "the number of rows that wait or are in process for far too long",
    "queue.dead_letters": "the number of dead letters",
    "queue.oldest_message_s": "the age of the oldest message in our queue",
    "queue.waiting_age_s": "the age of the oldest message in a queue that is not drained",
    "queue.archived_messages": "the number of archived messages",
    "pipeline.stuck": "the number of rows stuck in processing in a stage",
    "pipeline.undated": "the number of open rows without a usable time in a stage",
    "pipeline.zombie": "the number of waiting rows that no worker takes in a stage",
    "pipeline.dead": "the number of dead letters of a stage in the last hour",
    "pipeline.dead_ratio": "the share of dead letters in a stage's ended work",
    "pipeline.false_success": "the number of rows marked completed without a result in a stage",
    "pipeline.orphan": "the number of calls with a recording that are in no queue",
    "pipeline.overdue": "the number of overdue rows in a stage",
    "pipeline.unfinished_s": "the age of the oldest unfinished work of a stage",
    "forecast.backlog_s": "the time until the growing backlog of a stage reaches its limit",
    "forecast.quota_s": "the time until a quota is used up, if it does not last the day,",
    "calls.missing_ratio": "the missing share of the calls that are expected",
    "recordings.availability": "the share of recent calls with a recording",
    "recordings.shortfall": "the drop of the share of calls with a recording",
    "fields.null_rate": "the share of recent calls without a key field",
    "cron.late": "the age of a cron's last success in periods",
    "cron.failing": "the number of crons that are late or idle",
    "cron.missing": "the number of crons without a heartbeat",
    "product.clock_skew": "the number of rows with a time in the future",
    "product.unreadable": "the number of rows with an impossible time",
    "product.unlisted": "the number of rows with a state or word that the stage file does not name",
    "webhooks.error_ratio": "the share of webhooks with a 5xx response",
    "sync.volume_ratio": "the volume of the latest sync relative to earlier days",
    "requests.avg_ms_5m": "the average response time",
    "requests.p95_ms_5m": "p95 of all requests",
    "requests.count_5xx_5m": "the number of 5xx responses in 5 minutes",
    "requests.route_p95_ms": "p95 of a route",
    "slo.errors_burn": "the burn rate of the error budget",
    "slo.latency_burn": "the burn rate of the latency budget",
    "slo.uptime_burn": "the burn rate of the uptime budget",
    "errors.last_hour": "the number of errors in the last hour",
    "errors.critical_last_hour": "the number of critical errors in the last hour",
    "errors.new_groups": "the number of new error groups in 15 minutes",
    "errors.spike": "the number of a group's errors relative to its own past",
    "errors.sqlstate": "the number of errors with a SQLSTATE of broken queries in the last hour",
    "errors.client_discarded": "the number of errors that clients lost before they were sent",
    "errors.client_offline": "the number of errors that clients could not send without a network",
    "check_in.missed": "the number of check-ins that a job owes",
    "check_in.failed": "the number of failures in a row of a job",
    "check_in.overrun": "the number of failures in a row of a job that takes too long",
    "cost.per_call_usd": "the mean cost of a call",
    "cost.spike": "the cost of the newest calls relative to earlier days",
    "cost.unpriced_calls": "the number of calls with a model that has no price",
    "access.logged_ratio": "the share of answers with personal data that have a record of access",
    "runtime.memory_percent": "the used memory of a function",
    "monitor.lost_errors": "the number of errors that our tracker lost",
    "clock.jump_s": "the jump of the clock",
    "clock.difference_s": "the difference between the clocks of monitor and database",
    "monitor.silence_s": "the time since the monitor's previous cycle",
    "monitor.unknown_ratio": "the share of rules without data",
    "monitor.missed_evaluations": "the number of cycles without evaluation",
    "rule.failed_cycles": "the number of cycles in which a rule could not be evaluated",
}
# Metrics that are 1 or 0: the sentence for 1, and the one for 0.
STATES: Mapping[str, tuple[str, str]] = {
    "service.reason_auth": ("a service rejects our API key", "no service rejects our API key"),
    "service.reason_quota": ("our quota with a service is used up", "our quota with a service is not used up"),
    "service.rate_limited": ("a service limits our rate", "a service does not limit our rate"),
    "queue.up": ("our queue responds", "our queue does not respond"),
    "product_database.up": ("the product's database responds", "the product's database does not respond"),
    "pipeline.stopped": ("work waits in a stage and none is completed", "a stage completes its work"),
    "cron.idle": ("a cron runs but does nothing although there is work", "a cron does its work"),
    "schema.drift": ("a table or column is missing", "no table or column is missing"),
    "schema.lost": ("figures that were known cannot be read any more", "all figures that were known can be read"),
    "schema.index_missing": ("an advised index is missing", "no advised index is missing"),
    "errors.new_group": ("an error group is new", "an error group is not new"),
    "errors.regressed_group": ("a resolved error group came back", "no resolved error group came back"),
    "check_in.schedule_invalid": ("the schedule of a job cannot be used", "the schedule of a job can be used"),
    "check_in.refused": ("a project checks in more jobs than are kept", "a project checks in no more jobs than are kept"),
    "external.critical": ("another monitor reports a critical alert", "no other monitor reports a critical alert"),
    "external.error": ("another monitor reports an error", "no other monitor reports an error"),
    "external.warning": ("another monitor reports a warning", "no other monitor reports a warning"),
    "external.info": ("another monitor reports an alert of level info", "no other monitor reports an alert of level info"),
    "external.refused": ("other monitors report more than is kept", "other monitors report no more than is kept"),
    "agency.silent": (
        "the calls of an agency stopped while those of others go on",
        "the calls of no agency stopped",
    ),
    "channel.broken": ("a channel does not deliver notifications", "a channel delivers notifications"),
    "configuration.invalid": ("a setting is invalid", "a setting is valid"),
}


def name_measured(metric: str) -> str | None:
    """Return what a metric measures without an article, "errors in the last hour"; None for one of the host."""
    if metric in STATES:
        return STATES[metric][0]
    subject = SUBJECTS.get(metric)
    if subject is None:
        return None
    return f"status of {subject}" if find_unit(metric) == "status" else _LEAD.sub("", subject).rstrip(",")


def explain_value(metric: str, value: float | None) -> str | None:
    """Return what a value of a yes or no says: "our queue does not respond" for 0; None if it is unknown."""
    return None if value is None or metric not in STATES else STATES[metric][0 if value else 1]


def describe_rule(rule: AlertRule) -> str:
    """Return when a rule fires: "p95 of a route > 3 s for 5 min"."""
    if not rule.conditions:
        return f"its condition in Python holds{_describe_wait(rule)}"
    if all(condition.metric == name_custom_metric(rule.id) for condition in rule.conditions):
        return "never, because its stored definition is invalid"
    parts = [_describe_condition(condition, {**rule.labels, **condition.labels}) for condition in rule.conditions]
    return " or ".join(parts) + _describe_wait(rule)


def _describe_condition(condition: Condition, labels: Mapping[str, str]) -> str:
    about = f" ({', '.join(f'{name} {value}' for name, value in sorted(labels.items()))})" if labels else ""
    if condition.metric in STATES and (sentence := _find_sentence(condition)) is not None:
        return sentence + about
    subject = SUBJECTS.get(condition.metric) or condition.metric
    figure = format_figure(condition.threshold, find_unit(condition.metric))
    if find_unit(condition.metric) == "status":
        return f"{subject}{about} is {_describe_status(condition.comparison, figure)}"
    return f"{subject}{about} {condition.comparison} {figure}"


def _find_sentence(condition: Condition) -> str | None:
    """Return the sentence of the one value, 1 or 0, that meets the condition; None if both or neither do."""
    is_met = condition.holds(1.0), condition.holds(0.0)
    if is_met == (True, False):
        return STATES[condition.metric][0]
    return STATES[condition.metric][1] if is_met == (False, True) else None


def _describe_status(comparison: str, figure: str) -> str:
    words = {
        ">=": figure if figure == "unhealthy" else f"{figure} or worse",
        "<=": figure if figure == "healthy" else f"{figure} or better",
        "==": figure,
        "!=": f"not {figure}",
        ">": f"worse than {figure}",
        "<": f"better than {figure}",
    }
    return words[comparison]


def _describe_wait(rule: AlertRule) -> str:
    return f" for {format_duration(rule.for_s)}" if rule.for_s else ""
