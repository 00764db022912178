"""A webhook signed by the Standard Webhooks specification (standardwebhooks.com, version 1)."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Sequence

from callwatch.alerts.notifications.notification import Notification
from callwatch.alerts.notifications.rendering import render_body
from callwatch.alerts.notifications.webhook_client import post
from callwatch.settings import Settings


def is_configured(settings: Settings) -> bool:
    """Whether a target and a secret to sign with are set."""
    return bool(settings.alert_webhook_url and settings.alert_webhook_secret)


def send(notification: Notification, message_id: str, settings: Settings, timeout_s: float) -> None:
    """Post the body. The id is the same on every retry; time and signature belong to this attempt. Raises DeliveryFailed."""
    body = json.dumps(render_body(notification), ensure_ascii=False, separators=(",", ":")).encode()
    headers = sign_headers(settings.alert_webhook_secret or (), message_id, body)
    post(str(settings.alert_webhook_url), body, headers, timeout_s, settings.webhook_allowed_networks, is_public_only=True)


def sign_headers(secrets: Sequence[bytes], message_id: str, body: bytes) -> dict[str, str]:
    """Return the headers of a request that is sent now."""
    timestamp = str(int(time.time()))
    return {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": sign_body(secrets, message_id, timestamp, body),
    }


def sign_body(secrets: Sequence[bytes], message_id: str, timestamp: str, body: bytes) -> str:
    """Sign id.timestamp.body by HMAC-SHA256 as `v1,<base64>`, once per secret, space-separated."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    digests = [hmac.new(secret, signed, hashlib.sha256).digest() for secret in secrets]
    return " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)
