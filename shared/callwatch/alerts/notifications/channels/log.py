"""The log channel: one structured line per notification."""

import logging

from callwatch.alerts.notifications.notification import Notification
from callwatch.alerts.notifications.rendering import render_body, render_summary_line
from callwatch.settings import Settings

_LEVELS = {"info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR, "critical": logging.CRITICAL}
_log = logging.getLogger(__name__)


def is_configured(_settings: Settings) -> bool:
    """The log needs no settings."""
    return True


def send(notification: Notification, message_id: str, _settings: Settings, _timeout_s: float) -> None:
    """Write the line; never fails."""
    level = _LEVELS[notification.level] if notification.kind == "alert.firing" else logging.INFO
    _log.log(
        level,
        "%s",
        render_summary_line(notification),
        extra={"alert": render_body(notification)["data"], "message_id": message_id},
    )
