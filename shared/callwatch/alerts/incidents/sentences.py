"""Writes the plain sentence of an incident: what is wrong, how many calls wait, and since when. Pure.

Messages of alerts are scrubbed when they are written, and their labels are shown as they are.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypedDict
from zoneinfo import ZoneInfo

from callwatch.alerts.incidents.subjects import find_stages
from callwatch.alerts.notifications.notification import render_subject
from callwatch.alerts.rules.metrics import format_figure

_MAX_CHARS = 300
_NAMES = {"openai": "OpenAI", "deepgram": "Deepgram", "convoso": "Convoso", "database": "The monitor's database"}
_WAIT_FOR = {"recordings": "their recording", "transcriptions": "transcription", "analyses": "analysis"}
# By rule; names in braces are labels of the alert. A rule without one, or an alert without the label, is named by its title.
PHRASES: Mapping[str, str] = {
    "database_health": "The monitor's database is unhealthy",
    "high_error_rate": "The product has many errors or a critical one",
    "queue_backlog": "Work piles up in the product's queues",
    "api_degradation": "The product's API is slow or fails",
    "memory_usage": "The monitor uses most of its memory",
    "own_network": "Most outside services are unreachable: our own network is down",
    "service_down": "{service} is down",
    "service_degraded": "{service} responds badly",
    "service_flapping": "{service} keeps failing and recovering",
    "vendor_auth": "{service} rejects our API key",
    "vendor_quota": "{service} quota used up",
    "vendor_rate_limited": "{service} limits our rate",
    "vendor_errors": "Many requests to {service} fail",
    "product_database_down": "The product's database does not respond",
    "pipeline_stopped": "Stage {stage} stopped",
    "stuck_jobs": "Jobs are stuck in stage {stage}",
    "undated_jobs": "Jobs without a usable time in stage {stage}",
    "zombie_jobs": "Jobs that no worker will take in stage {stage}",
    "dead_jobs": "Many jobs failed permanently in stage {stage}",
    "false_success": "Jobs without a result are marked completed in stage {stage}",
    "orphan_calls": "Calls with a recording are in no queue",
    "overdue_jobs": "Jobs are overdue in stage {stage}",
    "analysis_lag": "Transcripts wait too long for their analysis",
    "calls_missing": "Far fewer calls arrive than usual",
    "recordings_unavailable": "Few calls have a recording",
    "fields_missing": "Many calls of {source} lack {field}",
    "crons_down": "Several crons stopped at once",
    "cron_late": "Cron {cron} is late",
    "cron_missing": "Crons have no heartbeat",
    "cron_idle": "Cron {cron} runs without doing its work",
    "webhook_errors": "The product responds to webhooks with errors",
    "sync_volume": "Sync {sync} fetched far less than usual",
    "many_new_errors": "Many new errors appeared",
    "sql_errors": "Queries fail with SQLSTATE {sqlstate}",
    "slow_route": "Route {route} is slow",
    "channel_broken": "Channel {channel} does not deliver",
    "setting_invalid": "Setting {variable} cannot be used",
    "queue_down": "The monitor's queue does not respond",
    "monitor_blind": "Many rules have no data",
    "rule_broken": "Rule {rule} cannot be evaluated",
    "evaluation_stopped": "No rule was evaluated",
}
# Their messages are sentences already.
_OWN_WORDS = (
    "new_error_group", "regressed_error_group", "schema_drift", "figures_lost", "index_missing", "clock_skew", "unreadable_times",
    "unlisted_states",
)  # fmt: skip
# Their messages are the words of another monitor, which say more than the title.
_WORDS_OF_OTHERS = ("external_critical", "external_error", "external_warning", "external_info")


class Cause(TypedDict):
    """What the sentence needs of the alert that is the cause; each row of an alert that has these fields is one."""

    rule_id: str
    title: str
    message: str
    labels: dict[str, str]
    value: float | None
    unit: str | None
    measures: str | None


def write_title(title: str, labels: Mapping[str, Any]) -> str:
    """Return the title of an incident: that of its cause and what it is about."""
    return f"{title}{render_subject(labels)}"[:_MAX_CHARS]


def write_sentence(
    cause: Cause,
    others: int,
    waiting: int | None,
    started_at: datetime,
    resolved_at: datetime | None,
    now: datetime,
    timezone: str,
) -> str:
    """Return the sentence of an incident.

    others: how many other alerts there are. waiting: calls that wait now; of a resolved incident the most that waited at once.
    """
    lead = _write_lead(cause)
    zone = ZoneInfo(timezone)
    since = _write_time(started_at, now, zone)
    calls = _write_calls(cause, waiting, is_over=resolved_at is not None) if waiting else ""
    more = "" if calls or not others else f"; {others} more {'alert follows' if others == 1 else 'alerts follow'}"
    if resolved_at is None:
        rest = f": {calls} since {since}" if calls else f"{_write_figure(cause)} since {since}{more}"
    else:
        span = f"from {since} to {_write_time(resolved_at, started_at, zone)}"
        rest = f": {calls}, {span}" if calls else f" {span}"
    room = _MAX_CHARS - len(rest)
    return (lead if len(lead) <= room else f"{lead[: room - 1].rstrip()}…") + rest


def _write_figure(cause: Cause) -> str:
    """Return what was measured, unless the lead says all of it."""
    is_said = cause["unit"] in (None, "yes", "status") or cause["measures"] == cause["title"]
    if is_said or cause["value"] is None or cause["measures"] is None:
        return ""
    return f" ({cause['measures']}: {format_figure(cause['value'], cause['unit'])})"


def _write_lead(cause: Cause) -> str:
    if cause["rule_id"] in _WORDS_OF_OTHERS:
        return cause["message"].rstrip(".")
    if cause["rule_id"] in _OWN_WORDS:
        return f"{cause['title']} ({cause['message'].rstrip('.')})"
    labels = {name: _NAMES.get(value, value) if name == "service" else value for name, value in cause["labels"].items() if value}
    phrase = PHRASES.get(cause["rule_id"])
    try:
        text = phrase.format_map(labels) if phrase is not None else None
    except KeyError:
        text = None
    return text or f"{cause['title']}{render_subject(cause['labels'])}"


def _write_calls(cause: Cause, waiting: int, is_over: bool) -> str:
    stages = find_stages([cause["labels"]])
    goal = _WAIT_FOR.get(next(iter(stages)), f"stage {next(iter(stages))}") if len(stages) == 1 else None
    verb = ("waited" if is_over else "waits") if waiting == 1 else ("waited" if is_over else "wait")
    lead = "at most " if is_over else ""
    return f"{lead}{waiting:,} {'call' if waiting == 1 else 'calls'} {verb}{f' for {goal}' if goal else ''}"


def _write_time(at: datetime, now: datetime, zone: ZoneInfo) -> str:
    """Return the time of day, with the date unless it is that of `now`."""
    local = at.astimezone(zone)
    day = "" if local.date() == now.astimezone(zone).date() else f"{local:%d %b} "
    return f"{day}{local:%H:%M} {local:%Z}"
