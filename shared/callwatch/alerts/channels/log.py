"""The log: one structured line a notification."""

import logging
from collections.abc import Mapping
from typing import Any

from callwatch.alerts.message import summary_line
from callwatch.settings import Settings

_LEVELS = {"info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR, "critical": logging.CRITICAL}
_log = logging.getLogger(__name__)


def is_configured(_settings: Settings) -> bool:
    """A log is always there."""
    return True


def send(payload: Mapping[str, Any], message_id: str, _settings: Settings, _timeout_s: float) -> None:
    """Write the line; it cannot fail."""
    level = _LEVELS[payload["data"]["level"]] if payload["type"] == "alert.firing" else logging.INFO
    _log.log(level, "%s", summary_line(payload), extra={"alert": dict(payload["data"]), "message_id": message_id})
