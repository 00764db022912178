"""An SNS topic: text for people (mail, SMS), the webhook's body as JSON for programs (SQS, Lambda, HTTP)."""

import functools
import json
import time
from collections.abc import Mapping
from typing import Any

from callwatch.alerts.notifications.channels.wording import (
    add_link,
    flatten_text,
    list_links,
    list_short_links,
    render_headline,
    render_lead,
    render_plain_text,
    shorten,
)
from callwatch.alerts.notifications.delivery_failed import DeliveryFailed
from callwatch.alerts.notifications.notification import Notification
from callwatch.alerts.notifications.rendering import render_body
from callwatch.alerts.notifications.retry_after import parse_retry_after
from callwatch.json_values import JsonObject, JsonValue
from callwatch.models.shapes.alerting.webhook import WebhookBody
from callwatch.settings import Settings

# Errors that reject every message: the topic, its key, or the right to publish is missing.
_CHANNEL_WIDE = frozenset(
    {"AuthorizationError", "AuthorizationErrorException", "AccessDenied", "AccessDeniedException", "NotFound"}
    | {"NotFoundException", "EndpointDisabled", "KMSDisabled", "KMSNotFound", "KMSAccessDenied", "KMSOptInRequired"}
)
_CONNECT_S, _READ_S = 2.0, 5.0
_MAX_SUBJECT = 99
# Two parts of a text message, in the alphabet of phones; SNS itself takes 1,600 characters.
_MAX_SMS = 300
# A message may have 256 KB in all its forms, and six of them are for programs.
_MAX_TEXT, _MAX_PROGRAM = 4_000, 30_000


def is_configured(settings: Settings) -> bool:
    """Whether a topic is set."""
    return bool(settings.alert_sns_topic_arn)


def send(notification: Notification, message_id: str, settings: Settings, _timeout_s: float) -> None:
    """Publish one message. Raises DeliveryFailed."""
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

    topic = str(settings.alert_sns_topic_arn)
    try:
        _make_client(topic.split(":")[3]).publish(**build_request(notification, message_id, settings))
    except ClientError as error:
        raise _read_failure(error.response) from None
    except (BotoCoreError, ResponseParserError) as error:
        raise DeliveryFailed(f"SNS cannot be reached ({type(error).__name__})") from None


def _read_failure(answer: Mapping[str, Any]) -> DeliveryFailed:
    metadata = answer.get("ResponseMetadata", {})
    code, status = str(answer.get("Error", {}).get("Code", "")), int(metadata.get("HTTPStatusCode", 0))
    is_retried = "Throttl" in code or "Expired" in code or status in (408, 429) or status >= 500
    retry_after_s = parse_retry_after(status, metadata.get("HTTPHeaders", {}), time.time()) if is_retried else None
    is_wide = not is_retried and (code in _CHANNEL_WIDE or 300 <= status < 400 or status in (401, 403, 404, 410))
    return DeliveryFailed(f"SNS rejected it ({code or status})", not is_retried, retry_after_s, is_wide)


def build_request(notification: Notification, message_id: str, settings: Settings) -> JsonObject:
    """Build the arguments of Publish: text for people, the webhook's body for programs."""
    people = add_link(render_plain_text(notification, settings.timezone), list_links(notification), _MAX_TEXT)
    program = _render_program(notification)
    forms: JsonObject = {"default": people, "email": people, "sms": render_sms(notification)}
    forms |= dict.fromkeys(("email-json", "http", "https", "lambda", "sqs", "firehose"), program)
    request: JsonObject = {
        "TopicArn": settings.alert_sns_topic_arn,
        "Subject": describe_subject(notification),
        "Message": _encode(forms),
        "MessageStructure": "json",
        "MessageAttributes": {
            "message_id": {"DataType": "String", "StringValue": message_id},
            "level": {"DataType": "String", "StringValue": notification.level},
            "type": {"DataType": "String", "StringValue": notification.kind},
        },
    }
    if str(settings.alert_sns_topic_arn).endswith(".fifo"):
        request |= {"MessageGroupId": notification.alert_id[:128], "MessageDeduplicationId": message_id[:128]}
    return request


def render_sms(notification: Notification) -> str:
    """Render state, rule, what is wrong and the link, which is never cut."""
    links = list_short_links(notification, _MAX_SMS // 2)
    link = f" {links[0][1]}" if links else ""
    return shorten(flatten_text(f"{render_headline(notification)}: {render_lead(notification)}"), _MAX_SMS - len(link)) + link


def describe_subject(notification: Notification) -> str:
    """Render the subject: ASCII, one line, fewer than 100 characters, with a first character that SNS accepts."""
    ascii_only = render_headline(notification).encode("ascii", "replace").decode()
    return ascii_only if len(ascii_only) <= _MAX_SUBJECT else ascii_only[: _MAX_SUBJECT - 3] + "..."


def _encode(value: JsonValue | WebhookBody) -> str:
    # SNS counts bytes of UTF-8, of which escapes would take more.
    return json.dumps(value, ensure_ascii=False)


def _render_program(notification: Notification) -> str:
    """Render the webhook's body; of a large group it lists the worst alerts alone, and `count` says how many there are."""
    body = render_body(notification)
    while len(_encode(text := _encode(body)).encode()) > _MAX_PROGRAM and (alerts := body["data"].get("alerts")):
        body["data"]["alerts"] = alerts[: len(alerts) // 2]
    return text


@functools.cache
def _make_client(region: str) -> Any:
    import boto3
    from botocore.config import Config

    config = Config(connect_timeout=_CONNECT_S, read_timeout=_READ_S, retries={"total_max_attempts": 1})
    return boto3.client("sns", region_name=region, config=config)
