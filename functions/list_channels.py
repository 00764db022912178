"""GET /api/channels: every notification channel, whether it is configured, and whether it delivers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from callwatch.alerts.channel_actions import list_channel_items
from callwatch.api.http import Request
from callwatch.api.routes import LIST_CHANNELS
from callwatch.db import connection
from callwatch.runtime.endpoint import endpoint
from callwatch.settings import get_settings

if TYPE_CHECKING:
    from callwatch.models.shapes.alerting.channels import ChannelPage


def handle(_request: Request) -> ChannelPage:
    """All channels on one page: there are few. Each has its own `unknown`; the response has one for all."""
    with connection(statement_timeout_ms=5000) as conn:
        items = list_channel_items(conn, get_settings(), datetime.now(UTC))
    reasons = {f"items.{place}.{path}": why for place, item in enumerate(items) for path, why in item["unknown"].items()}
    return {"items": items, "next_cursor": None, "unknown": reasons}


lambda_handler = endpoint(LIST_CHANNELS)(handle)
