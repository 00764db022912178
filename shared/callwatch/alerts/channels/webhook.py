"""A webhook signed by the Standard Webhooks specification (standardwebhooks.com, version 1)."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from callwatch.alerts.post import post
from callwatch.settings import Settings


def is_configured(settings: Settings) -> bool:
    """Whether there is a target, and a secret to sign with."""
    return bool(settings.alert_webhook_url and settings.alert_webhook_secret)


def send(payload: Mapping[str, Any], message_id: str, settings: Settings, timeout_s: float) -> None:
    """Post the payload; the id stays the same on every retry, time and signature are of this one. Raises DeliveryFailed."""
    body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
    timestamp = str(int(time.time()))
    headers = {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": signature(settings.alert_webhook_secret or (), message_id, timestamp, body),
    }
    post(str(settings.alert_webhook_url), body, headers, timeout_s, settings.webhook_allowed_networks, is_public_only=True)


def signature(secrets: Sequence[bytes], message_id: str, timestamp: str, body: bytes) -> str:
    """`v1,<base64>` of HMAC-SHA256 over id.timestamp.body, one for each secret, space-separated."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    digests = [hmac.new(secret, signed, hashlib.sha256).digest() for secret in secrets]
    return " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)
