"""Renders notifications: the one-line summary of an alert, and the texts that channels send."""

import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from callwatch.alerts.evaluation.instance import Instance, measure_elapsed
from callwatch.alerts.notifications.notification import Kind, Member, Notification, describe_end, is_recovery, render_subject
from callwatch.alerts.rules.builtin import RULE_IDS
from callwatch.alerts.rules.host_calls import call_message
from callwatch.alerts.rules.metrics import find_unit, format_duration, format_figure
from callwatch.alerts.rules.phrases import explain_value, name_measured
from callwatch.alerts.rules.rule import AlertRule, MessageContext
from callwatch.alerts.rules.sanitize import clean_text
from callwatch.models.shapes.alerting.webhook import WebhookAlert, WebhookBody, WebhookData
from callwatch.scrubbing.scrubber import scrub_text
from callwatch.settings import Settings
from callwatch.times import format_time

_MAX_TEXT = 1000
_MAX_MESSAGE = 3000
_MAX_LISTED = 20
_NO_RECOVERY = "This is no recovery: whether it is still wrong is unknown."
# Limit for a host's message function, since the evaluation waits for it.
_MESSAGE_S = 2.0
_log = logging.getLogger(__name__)
_WORDS = {"alert.firing": "FIRING", "alert.resolved": "RESOLVED", "alert.ended": "ENDED", "alert.acknowledged": "ACKNOWLEDGED"}


def render_text(rule: AlertRule, instance: Instance, failed: dict[str, str] | None = None) -> str:
    """Render one short line for people, scrubbed.

    failed: receives the reason if the rule's own message function fails; then that function is not called again.
    """
    own = rule.message
    if callable(own):
        text = None if failed and rule.id in failed else _own_text(rule, own, instance, failed)
        if text is not None:
            return scrub_text(text)[:_MAX_TEXT]
        own = None
    lead = (own or rule.hint or rule.name).rstrip(".")
    detail = f" ({instance.detail})" if instance.detail else ""
    measured = "" if own is None and _is_said_by_hint(rule, instance) else f": {_render_measured(rule, instance)}"
    return scrub_text(f"{lead}{describe_subject(instance)}{measured}{detail}")[:_MAX_TEXT]


def _is_said_by_hint(rule: AlertRule, instance: Instance) -> bool:
    """Whether the value is the yes or no that the rule's hint puts in words: "measured 1, threshold >= 1" would say no more."""
    condition = rule.list_conditions()[0]
    if not rule.hint or find_unit(instance.metric or condition.metric) != "yes":
        return False
    return instance.value == (1 if (instance.comparison or condition.comparison).startswith(">") else 0)


def _own_text(rule: AlertRule, message: Callable[[Any], str], instance: Instance, failed: dict[str, str] | None) -> str | None:
    """Call the rule's own message function; None if that fails, so that the built-in text is used."""
    outcome = call_message(_MESSAGE_S, message, _build_context(rule, instance))
    if outcome.failure is None:
        # Bounded before it is scrubbed, since scrubbing needs the whole text: a cut could leave half of a secret.
        return clean_text(outcome.value, 10 * _MAX_TEXT)
    _log.warning("a rule's message function failed", extra={"rule_id": rule.id, "why": outcome.failure})
    if failed is not None:
        failed[rule.id] = f"its message function {outcome.failure}"
    return None


def describe_subject(instance: Instance) -> str:
    """Render the labels: " [deepgram]", " [stage transcriptions]"; "" without labels."""
    return render_subject(instance.labels)


def build_notification(
    kind: Kind,
    alert_id: int | str,
    rule: AlertRule,
    instance: Instance,
    settings: Settings,
    now: datetime,
    notes: Sequence[str] = (),
    failed: dict[str, str] | None = None,
    **more: Any,
) -> Notification:
    """Build the scrubbed notification of one alert; `more` are further fields. failed: see render_text."""
    condition = rule.list_conditions()[0]
    if kind == "alert.resolved" and not is_recovery(instance.ended):
        more = {"end": instance.ended, "reason": instance.ended_why, **more}
    return Notification(
        kind=kind,
        at=now,
        alert_id=str(alert_id),
        rule_id=rule.id,
        title=rule.name,
        level=rule.level.value,
        summary=_clear_text(rule, instance) if kind == "alert.resolved" else render_text(rule, instance, failed),
        since=instance.began_at or instance.since,
        labels=dict(instance.labels),
        value=instance.value,
        unit=find_unit(instance.metric or condition.metric),
        comparison=instance.comparison or condition.comparison,
        threshold=instance.threshold,
        notes=tuple(scrub_text(note) for note in notes),
        dashboard_url=build_dashboard_url(settings, alert_id),
        runbook_url=find_runbook(rule, settings),
        **more,
    )


def render_first_line(notification: Notification) -> str:
    """Render a lock screen line: the occasion, what is wrong, and the figures."""
    if notification.is_verbatim or notification.occasion == "digest":
        return notification.summary
    if notification.kind == "alert.test":
        return f"This is a test by {notification.actor}: {notification.reason}"[:_MAX_TEXT]
    if notification.kind == "alert.acknowledged":
        return f"Acknowledged by {notification.actor}: {notification.reason}"
    if notification.look == "alert.ended" and not notification.members:
        return render_end(notification.end, notification.summary, notification.reason)
    if notification.kind == "alert.resolved":
        return f"{'Ended' if notification.end else 'Resolved'}: {notification.reason or notification.summary}"
    before = {"reminder": "Still firing: ", "flapping": "Flapping: ", "raised": f"Raised to {notification.level}: "}
    before["escalated"] = "Escalated, because nobody took it: "
    return before.get(notification.occasion, "") + notification.summary


def render_end(end: str | None, summary: str, why: str | None) -> str:
    """Render the end of an alert that did not recover: how, of what, why, and that nothing is known of it."""
    because = f" {why[:1].upper()}{why[1:].rstrip('.')}." if why else ""
    return f"{describe_end(end)}: {summary}.{because} {_NO_RECOVERY}"


def render_notes(notification: Notification) -> list[str]:
    """Render the lines below the first, without the start."""
    if notification.kind == "alert.test":
        return []
    lines = [notification.summary] if notification.kind == "alert.acknowledged" and not notification.is_verbatim else []
    if notification.cause:
        lines.append(f"Possible cause: {notification.cause} (not notified).")
    listed = notification.members[:_MAX_LISTED]
    lines += [f"{describe_end(each.end) if each.is_over else each.level.capitalize()}: {each.summary}" for each in listed]
    if notification.members and notification.count > len(listed):
        lines.append(f"And {notification.count - len(listed)} more.")
    return [line for line in (*lines, *notification.notes) if line.strip()]


def render_message(notification: Notification) -> str:
    """Render the whole text: the first line, the start, and one line per note."""
    first, notes = render_first_line(notification), render_notes(notification)
    since = [] if notification.is_verbatim or notification.kind == "alert.test" else [_render_since(notification)]
    if notification.kind == "alert.acknowledged":
        since, notes = [], [*notes[:1], *since, *notes[1:]]
    return "\n".join([first, *since, *notes])[:_MAX_MESSAGE]


def render_body(notification: Notification) -> WebhookBody:
    """Build the webhook's body for programs: type, timestamp, data."""
    data: WebhookData = {
        "alert_id": notification.alert_id,
        "rule_id": notification.rule_id,
        "title": notification.title,
        "level": notification.level,
        "message": render_message(notification),
        "value": notification.value,
        "threshold": notification.threshold,
        "since": format_time(notification.since),
        "service": notification.service,
        "labels": dict(notification.labels),
        "dashboard_url": notification.dashboard_url,
        "runbook_url": notification.runbook_url,
    }
    if notification.kind == "alert.resolved":
        data["end_reason"] = notification.end or "recovered"
    if notification.members:
        data["count"] = notification.count
        data["alerts"] = [_render_member(each) for each in notification.members]
    if notification.incident is not None:
        data["incident_id"] = notification.incident["id"]
        data["incident"] = notification.incident
    return {"type": notification.kind, "timestamp": format_time(notification.at), "data": data}


def _render_member(member: Member) -> WebhookAlert:
    alert: WebhookAlert = {
        "alert_id": member.alert_id,
        "rule_id": member.rule_id,
        "title": member.title,
        "level": member.level,
        "summary": member.summary,
        "runbook_url": member.runbook_url,
        "state": "resolved" if member.is_over else "firing",
        "service": member.labels.get("service"),
        "labels": dict(member.labels),
    }
    if member.is_over:
        alert["end_reason"] = member.end or "recovered"
    return alert


def render_summary_line(notification: Notification) -> str:
    """Render one line for a log."""
    word = _WORDS.get(notification.look, "TEST")
    return f"[{word}] {notification.title} ({notification.level}): {render_first_line(notification)}"


def build_dashboard_url(settings: Settings, alert_id: int | str) -> str:
    """Return the URL of the alert's view on the page."""
    return f"{settings.app_url or ''}/admin/operations#/alerts/{alert_id}"


def build_alerts_url(settings: Settings) -> str:
    """Return the URL of the list of alerts on the page."""
    return f"{settings.app_url or ''}/admin/operations#/alerts"


def build_incident_url(settings: Settings, incident_id: int) -> str:
    """Return the URL of the incident's view on the page."""
    return f"{settings.app_url or ''}/admin/operations#/incidents/{incident_id}"


def build_runbook_url(settings: Settings, rule_id: str) -> str:
    """Return the URL of a built-in rule's runbook, which the page serves; for other rules the index."""
    page = rule_id if rule_id in RULE_IDS else "README"
    return f"{settings.app_url or ''}/admin/assets/runbooks/{page}.md"


def find_runbook(rule: AlertRule, settings: Settings) -> str:
    """Return the URL of a rule's own runbook, or of the built-in one."""
    return rule.runbook or build_runbook_url(settings, rule.id)


def _clear_text(rule: AlertRule, instance: Instance) -> str:
    """Render what was wrong, and the value measured now that it is resolved."""
    lead = (rule.hint or rule.name).rstrip(".")
    about = f"{lead[:1].lower()}{lead[1:]}{describe_subject(instance)}"
    if is_recovery(instance.ended):
        return scrub_text(f"{about}; now {_render_measured(rule, instance)}")[:_MAX_TEXT]
    return scrub_text(about if instance.value is None else f"{about}; last {_render_measured(rule, instance)}")[:_MAX_TEXT]


def _render_since(notification: Notification) -> str:
    since, is_over = notification.since, notification.kind == "alert.resolved"
    lasted_s = measure_elapsed(since, notification.at).total_seconds()
    lasted = "just now" if lasted_s < 1 and not is_over else format_duration(lasted_s)
    at = f"{since.astimezone(UTC):%d %b %H:%M} UTC"
    return f"It began {at} and lasted {lasted}." if is_over else f"Since {at} ({lasted})."


def _build_context(rule: AlertRule, instance: Instance) -> MessageContext:
    threshold = instance.threshold if instance.threshold is not None else rule.list_conditions()[0].threshold
    given = {"value": instance.value, "threshold": threshold, "labels": dict(instance.labels), "detail": instance.detail}
    return MessageContext(given, rule_id=rule.id, name=rule.name, level=rule.level.value, since=instance.began_at)


def _render_measured(rule: AlertRule, instance: Instance) -> str:
    condition = rule.list_conditions()[0]
    metric = instance.metric or condition.metric
    comparison = instance.comparison or condition.comparison
    threshold = instance.threshold if instance.threshold is not None else condition.threshold
    if instance.value is None and not instance.is_unknown:
        return "no longer reported"
    unit = find_unit(metric)
    shown = "count" if unit == "yes" else unit
    what = explain_value(metric, instance.value) if unit == "yes" else name_measured(metric)
    figures = format_figure(instance.value, shown), format_figure(threshold, shown)
    return f"measured {figures[0]}{f' ({what})' if what else ''}, threshold {comparison} {figures[1]}"
