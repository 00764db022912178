"""What a notification says: measured value, threshold, since when, what it is about, and where to read on."""

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from callwatch.alerts.builtin import RULE_IDS
from callwatch.alerts.instance import Instance, elapsed
from callwatch.alerts.metrics import METRICS, duration, figure, plain
from callwatch.alerts.rule import AlertRule, MessageContext
from callwatch.settings import Settings
from callwatch.tracker.scrub import scrub_text

_MOST_TEXT = 1000
_MOST_MESSAGE = 3000
_log = logging.getLogger(__name__)


def text_of(rule: AlertRule, instance: Instance) -> str:
    """One short line for people, with nothing private in it."""
    own = rule.message
    if callable(own):
        try:
            return scrub_text(str(own(_context(rule, instance))))[:_MOST_TEXT]
        except Exception as error:
            _log.warning("a rule's message raised", extra={"rule_id": rule.id, "error": type(error).__name__})
            own = None
    lead = (own or rule.hint or rule.name).rstrip(".")
    detail = f" ({instance.detail})" if instance.detail else ""
    return scrub_text(f"{lead}{subject_of(instance)}: {_measured(rule, instance)}{detail}")[:_MOST_TEXT]


def told_labels(labels: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Labels by name, without those that are empty: of these there is nothing to tell."""
    return sorted((name, value) for name, value in labels.items() if value)


def subject_of(instance: Instance) -> str:
    """What it is about: " [deepgram]", " [stage transcriptions]"; nothing for a rule without labels."""
    about = [value if name == "service" else f"{name} {value}" for name, value in told_labels(instance.labels)]
    return f" [{', '.join(about)}]" if about else ""


def message_of(kind: str, rule: AlertRule, instance: Instance, now: datetime, more: Sequence[str] = ()) -> str:
    """The whole message: the short line first, then since when, and what else is known, a line each."""
    began_at = instance.began_at or instance.since
    lasted_s = elapsed(began_at, now).total_seconds()
    lasted = "just now" if lasted_s < 1 and kind != "alert.resolved" else duration(lasted_s)
    since = f"Since {began_at.astimezone(UTC):%d %b %H:%M} UTC ({lasted})."
    if kind == "alert.resolved":
        lead = (rule.hint or rule.name).rstrip(".")
        since = f"It began {began_at.astimezone(UTC):%d %b %H:%M} UTC and lasted {lasted}."
        first = scrub_text(f"Over: {lead[:1].lower()}{lead[1:]}{subject_of(instance)}; now {_measured(rule, instance)}")
    else:
        first = text_of(rule, instance)
    return "\n".join([first, since, *(scrub_text(line) for line in more)])[:_MOST_MESSAGE]


def payload_of(
    kind: str,
    alert_id: int | str,
    rule: AlertRule,
    instance: Instance,
    settings: Settings,
    now: datetime,
    more: Sequence[str] = (),
) -> dict[str, Any]:
    """The notification as every channel gets it: type, timestamp, data."""
    return {
        "type": kind,
        "timestamp": iso(now),
        "data": {
            "alert_id": str(alert_id),
            "rule_id": rule.id,
            "title": rule.name,
            "level": rule.level.value,
            "message": message_of(kind, rule, instance, now, more),
            "value": instance.value,
            "threshold": instance.threshold,
            "since": iso(instance.began_at or instance.since),
            "service": instance.labels.get("service"),
            "labels": dict(instance.labels),
            "dashboard_url": dashboard_url(settings, alert_id),
            "runbook_url": runbook_of(rule, settings),
        },
    }


def dashboard_url(settings: Settings, alert_id: int | str) -> str:
    """The alert's view on the page."""
    return f"{settings.app_url or ''}/admin/operations#/alerts/{alert_id}"


def runbook_url(settings: Settings, rule_id: str) -> str:
    """A built-in rule's runbook, which the page serves beside itself; for any other rule the index of them."""
    page = rule_id if rule_id in RULE_IDS else "README"
    return f"{settings.app_url or ''}/admin/assets/runbooks/{page}.md"


def runbook_of(rule: AlertRule, settings: Settings) -> str:
    """Where to read on about a rule: its own page, or the built-in one."""
    return rule.runbook or runbook_url(settings, rule.id)


def number(value: float | None) -> str:
    """A figure for people."""
    return "unknown" if value is None else plain(value)


def iso(when: datetime) -> str:
    """ISO 8601 with Z."""
    return when.astimezone(UTC).isoformat().replace("+00:00", "Z")


def summary_line(payload: Mapping[str, Any]) -> str:
    """One line for a log, a subject, a lock screen."""
    data = payload["data"]
    word = {"alert.firing": "FIRING", "alert.resolved": "RESOLVED", "alert.acknowledged": "ACKNOWLEDGED"}
    first = str(data["message"]).partition("\n")[0]
    return f"[{word.get(payload['type'], 'TEST')}] {data['title']} ({data['level']}): {first}"


def _context(rule: AlertRule, instance: Instance) -> MessageContext:
    threshold = instance.threshold if instance.threshold is not None else rule.all_conditions()[0].threshold
    given = {"value": instance.value, "threshold": threshold, "labels": dict(instance.labels), "detail": instance.detail}
    return MessageContext(given, rule_id=rule.id, name=rule.name, level=rule.level.value, since=instance.began_at)


def _measured(rule: AlertRule, instance: Instance) -> str:
    condition = rule.all_conditions()[0]
    metric = instance.metric or condition.metric
    comparison = instance.comparison or condition.comparison
    threshold = instance.threshold if instance.threshold is not None else condition.threshold
    if instance.value is None and not instance.is_unknown:
        return "no longer reported"
    if metric in METRICS and METRICS[metric].unit == "yes":
        return f"measured {number(instance.value)}, threshold {comparison} {plain(threshold)}"
    return f"measured {figure(instance.value, metric)}, threshold {comparison} {figure(threshold, metric)}"
