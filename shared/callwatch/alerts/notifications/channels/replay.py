"""A request to the product to work on items again, signed by the Standard Webhooks specification as webhooks are.

It goes through the outbox as notifications do, and is no channel of rules.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from callwatch.alerts.notifications.channels.webhook import sign_headers
from callwatch.alerts.notifications.webhook_client import post
from callwatch.settings import Settings
from callwatch.times import format_time

CHANNEL = "replay"
KIND = "pipeline.replay"


def is_configured(settings: Settings) -> bool:
    """Whether a target and a secret to sign with are set."""
    return bool(settings.replay_url and settings.alert_webhook_secret)


def build_payload(now: datetime, stage: str, ids: Sequence[str], reason: str, actor: str) -> dict[str, object]:
    """Build the body of the request, as the outbox keeps it."""
    return {
        "type": KIND,
        "timestamp": format_time(now),
        "data": {"stage": stage, "ids": list(ids), "reason": reason, "actor": actor},
    }


def send(payload: Mapping[str, object], message_id: str, settings: Settings, timeout_s: float) -> None:
    """Post the body, with the same id on every retry. Raises DeliveryFailed."""
    body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
    headers = sign_headers(settings.alert_webhook_secret or (), message_id, body)
    post(str(settings.replay_url), body, headers, timeout_s, settings.webhook_allowed_networks, is_public_only=True)
