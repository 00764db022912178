"""Opsgenie, and Jira Service Management, by the Alert API v2: an alert is opened, acknowledged and closed by its alias."""

from urllib.parse import quote

from callwatch.alerts.notifications.channels.pagerduty import build_dedup_key
from callwatch.alerts.notifications.channels.wording import (
    add_link,
    flatten_text,
    list_links,
    render_headline,
    render_lead,
    render_plain_text,
    shorten,
)
from callwatch.alerts.notifications.notification import Notification
from callwatch.alerts.notifications.webhook_client import post_json
from callwatch.json_values import JsonObject
from callwatch.settings import Settings

_PRIORITIES = {"critical": "P1", "error": "P2", "warning": "P3", "info": "P5"}
_ACTIONS = {"alert.acknowledged": "acknowledge", "alert.resolved": "close"}
# Lengths from the reference of the Alert API.
_MAX_MESSAGE, _MAX_DESCRIPTION, _MAX_NOTE = 130, 15_000, 25_000
_MAX_ENTITY, _MAX_SOURCE, _MAX_USER, _MAX_TAG = 512, 100, 100, 50
_MAX_DETAIL = 300


def is_configured(settings: Settings) -> bool:
    """Whether a key of an API integration is set."""
    return bool(settings.opsgenie_api_key)


def send(notification: Notification, _message_id: str, settings: Settings, timeout_s: float) -> None:
    """Open, acknowledge or close the alert; a test is closed at once, so that it leaves none open. Raises DeliveryFailed."""
    action = _ACTIONS.get(notification.kind)
    base = f"{settings.opsgenie_api_url}/v2/alerts"
    of_alias = f"{base}/{quote(build_alias(notification, settings.stage), safe='')}"
    headers = {"authorization": f"GenieKey {settings.opsgenie_api_key}"}
    if action is None:
        post_json(base, build_body(notification, settings), timeout_s, headers)
    if action is not None or notification.kind == "alert.test":
        path = f"{action or 'close'}?identifierType=alias"
        post_json(f"{of_alias}/{path}", build_note(notification), timeout_s, headers)


def build_body(notification: Notification, settings: Settings) -> JsonObject:
    """Build the request that opens an alert, or counts it again if it is open."""
    is_test = notification.kind == "alert.test"
    text = render_plain_text(notification, settings.timezone, has_headline=False)
    return {
        "message": shorten(render_headline(notification), _MAX_MESSAGE),
        "alias": build_alias(notification, settings.stage),
        "description": add_link(text, list_links(notification), _MAX_DESCRIPTION),
        "priority": "P5" if is_test else _PRIORITIES[notification.level],
        "source": shorten(f"callwatch {settings.stage}", _MAX_SOURCE),
        "entity": shorten(notification.service or notification.rule_id, _MAX_ENTITY),
        "tags": [shorten(notification.rule_id, _MAX_TAG), notification.level],
        "details": {
            name[:_MAX_TAG]: shorten(flatten_text(str(value)), _MAX_DETAIL) for name, value in sorted(notification.labels.items())
        },
    }


def build_note(notification: Notification) -> dict[str, str]:
    """Build the request that acknowledges or closes an alert."""
    return {
        "user": shorten(notification.actor or "callwatch", _MAX_USER),
        "source": "callwatch",
        "note": shorten(render_lead(notification), _MAX_NOTE),
    }


def build_alias(notification: Notification, stage: str) -> str:
    """Build the alias, one per alert and deployment, as PagerDuty's key; at most 512 characters are allowed."""
    return build_dedup_key(notification.group_id or notification.alert_id, stage)
