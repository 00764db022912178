"""Amazon SES by its API v2 (POST /v2/email/outbound-emails), signed with the keys of the environment."""

import json
import os
import time
from urllib.parse import urlsplit

from callwatch.alerts.notifications.channels.mail.content import Mail, list_recipients
from callwatch.alerts.notifications.delivery_failed import DeliveryFailed
from callwatch.alerts.notifications.webhook_client import JSON, post
from callwatch.aws.signature import Credentials, Scope, sign_post
from callwatch.json_values import JsonObject
from callwatch.settings import Settings

_PATH = "/v2/email/outbound-emails"
# From the quotas of SES.
MAX_RECIPIENTS = 50


def send(mail: Mail, message_id: str, settings: Settings, timeout_s: float) -> None:
    """Send one e-mail, as text and HTML. Raises DeliveryFailed."""
    body = json.dumps(build_body(mail, message_id, settings)).encode()
    address = find_address(settings)
    host = urlsplit(address).netloc.rpartition("@")[2]
    signed_at = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    scope = Scope(str(settings.ses_region), "ses")
    headers = sign_post({**JSON, "host": host}, body, _read_credentials(), scope, signed_at, _PATH)
    try:
        post(address + _PATH, body, headers, timeout_s)
    except DeliveryFailed as failure:
        if "expired" in str(failure):
            # The keys of a role live for hours; the next process has new ones.
            raise DeliveryFailed(str(failure)) from None
        raise


def build_body(mail: Mail, message_id: str, settings: Settings) -> JsonObject:
    """Build the request of SendEmail; it takes at most 50 recipients."""
    contents = {
        "Text": mail.text,
        "Html": mail.html,
    }
    return {
        "FromEmailAddress": settings.alert_email_from,
        "Destination": {"ToAddresses": list_recipients(settings)[:MAX_RECIPIENTS]},
        "Content": {
            "Simple": {
                "Subject": _build_text(mail.subject),
                "Body": {name: _build_text(text) for name, text in contents.items()},
                "Headers": [{"Name": "X-Callwatch-Id", "Value": message_id}],
            }
        },
    }


def find_address(settings: Settings) -> str:
    """Return the address of the service in its region, or the one that SES_API_URL names."""
    region = str(settings.ses_region)
    return settings.ses_api_url or f"https://email.{region}.amazonaws.com{'.cn' if region.startswith('cn-') else ''}"


def _build_text(text: str) -> dict[str, str]:
    return {"Data": text, "Charset": "UTF-8"}


def _read_credentials() -> Credentials:
    """Read the keys that Lambda puts into the environment; elsewhere boto3 finds them, in a profile or a role."""
    environ = os.environ
    if environ.get("AWS_ACCESS_KEY_ID") and environ.get("AWS_SECRET_ACCESS_KEY"):
        return Credentials(environ["AWS_ACCESS_KEY_ID"], environ["AWS_SECRET_ACCESS_KEY"], environ.get("AWS_SESSION_TOKEN"))
    import boto3

    found = boto3.Session().get_credentials()
    if found is None:
        raise DeliveryFailed("SES needs AWS keys, and this process has none", is_permanent=True, is_channel_wide=True)
    keys = found.get_frozen_credentials()
    return Credentials(str(keys.access_key), str(keys.secret_key), keys.token)
