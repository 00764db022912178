"""Alertmanager by its API v2 (POST /api/v2/alerts): its own routes, groups and silences decide who is notified.

Labels are the identity of an alert there, so the level among them ends under its other values when it changes.
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from callwatch.alerts.notifications.channels.wording import (
    add_link,
    flatten_text,
    list_links,
    list_notes,
    render_lead,
    shorten,
)
from callwatch.alerts.notifications.notification import Notification
from callwatch.alerts.notifications.webhook_client import post_json
from callwatch.json_values import JsonObject
from callwatch.models.alert import STAGE_LABEL, AlertLevel
from callwatch.settings import Settings
from callwatch.times import format_time

# Without an end an alert is over after five minutes there; nobody repeats ours until the next reminder.
_LASTS = timedelta(days=7)
_TEST_LASTS = timedelta(minutes=5)
# What receivers behind it take is unknown; a message of 64 alerts of this size has less than 1 MB.
_MAX_TITLE, _MAX_SUMMARY, _MAX_DESCRIPTION, _MAX_LABEL, _MAX_ALERTS = 200, 1000, 4000, 300, 64
_OUTSIDE_OF_NAMES = re.compile(r"[^a-zA-Z0-9_]")


class _Entry(NamedTuple):
    """One alert of a notification, which is about one or a group."""

    rule_id: str
    title: str
    level: str
    labels: Mapping[str, str]
    summary: str
    is_over: bool


def is_configured(settings: Settings) -> bool:
    """Whether an address is set."""
    return bool(settings.alertmanager_url)


def send(notification: Notification, _message_id: str, settings: Settings, timeout_s: float) -> None:
    """Post the alerts; a repetition changes nothing. Raises DeliveryFailed."""
    headers = {"authorization": f"Bearer {settings.alertmanager_token}"} if settings.alertmanager_token else None
    post_json(
        f"{str(settings.alertmanager_url).rstrip('/')}/api/v2/alerts", build_body(notification, settings), timeout_s, headers
    )


def build_body(notification: Notification, settings: Settings) -> list[JsonObject]:
    """Build the list of alerts: those of the notification, and the ends of their other levels."""
    is_settled = notification.kind == "alert.resolved" or notification.occasion == "raised"
    alerts = []
    for entry in _list_entries(notification)[:_MAX_ALERTS]:
        alerts.append(_build_alert(entry, notification, settings, _find_end(entry, notification)))
        if is_settled and notification.kind != "alert.test":
            others = [level.value for level in AlertLevel if level.value != entry.level]
            ended = [_build_alert(entry._replace(level=level), notification, settings, notification.at) for level in others]
            alerts += [{**alert, "annotations": {}} for alert in ended]
    return alerts


def _list_entries(notification: Notification) -> list[_Entry]:
    if notification.members:
        return [
            _Entry(each.rule_id, each.title, each.level, each.labels, each.summary, each.is_over) for each in notification.members
        ]
    lead, is_over = render_lead(notification), notification.kind == "alert.resolved"
    return [_Entry(notification.rule_id, notification.title, notification.level, notification.labels, lead, is_over)]


def _find_end(entry: _Entry, notification: Notification) -> datetime:
    if notification.kind == "alert.test":
        return notification.at + _TEST_LASTS
    return notification.at if entry.is_over or notification.kind == "alert.resolved" else notification.at + _LASTS


def _build_alert(entry: _Entry, notification: Notification, settings: Settings, ends_at: datetime) -> JsonObject:
    links = list_links(notification)
    annotations = {
        "title": shorten(flatten_text(entry.title), _MAX_TITLE),
        "summary": add_link(flatten_text(entry.summary), links, _MAX_SUMMARY),
        "description": "" if notification.members else add_link("\n".join(list_notes(notification)), links, _MAX_DESCRIPTION),
        "acknowledged_by": notification.actor if notification.kind == "alert.acknowledged" else None,
        "runbook_url": next((address for text, address in links if text == "Runbook"), None),
    }
    alert: JsonObject = {
        "labels": _build_labels(entry, notification, settings.stage),
        "annotations": {name: value for name, value in annotations.items() if value},
        "startsAt": format_time(min(notification.since, ends_at)),
        "endsAt": format_time(ends_at),
    }
    if links:
        alert["generatorURL"] = links[0][1]
    return alert


def _build_labels(entry: _Entry, notification: Notification, stage: str) -> dict[str, str]:
    """Build the labels; a name outside of Prometheus' alphabet gets underscores, an empty value is left out.

    A label of the alert whose name is taken is kept under another one, as Prometheus does: two alerts with the same labels would
    be one there.
    """
    test = {"callwatch_test": "true"} if notification.kind == "alert.test" else {}
    labels = {"alertname": entry.rule_id, "severity": entry.level, STAGE_LABEL: stage, **test}
    for given, value in sorted(entry.labels.items()):
        name = _OUTSIDE_OF_NAMES.sub("_", given)
        name = f"label_{name}" if name[:1].isdigit() else name
        while name in labels:
            name = f"exported_{name}"
        if name:
            labels[name] = str(value)
    return {name[:_MAX_LABEL]: shorten(flatten_text(value), _MAX_LABEL) for name, value in labels.items() if flatten_text(value)}
