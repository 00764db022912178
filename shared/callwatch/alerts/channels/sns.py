"""An SNS topic: text for people (mail, SMS), the payload as JSON for programs (SQS, Lambda, HTTP)."""

import functools
import json
import time
from collections.abc import Mapping
from typing import Any

from callwatch.alerts.channels.parts import headline_of, lead_of, links_of, notes_of, rows_of, shortened
from callwatch.alerts.failure import DeliveryFailed
from callwatch.alerts.retry_after import retry_after_of
from callwatch.settings import Settings

# Refused whatever it says: the topic, its key, or the right to publish is missing.
_CHANNEL_WIDE = frozenset(
    {"AuthorizationError", "AuthorizationErrorException", "AccessDenied", "AccessDeniedException", "NotFound"}
    | {"NotFoundException", "EndpointDisabled", "KMSDisabled", "KMSNotFound", "KMSAccessDenied", "KMSOptInRequired"}
)
_CONNECT_S, _READ_S = 2.0, 5.0
_MOST_SUBJECT = 99
_MOST_SMS = 140


def is_configured(settings: Settings) -> bool:
    """Whether there is a topic."""
    return bool(settings.alert_sns_topic_arn)


def send(payload: Mapping[str, Any], message_id: str, settings: Settings, _timeout_s: float) -> None:
    """Publish one message. Raises DeliveryFailed."""
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

    topic = str(settings.alert_sns_topic_arn)
    try:
        _client(topic.split(":")[3]).publish(**request_of(payload, message_id, settings))
    except ClientError as error:
        raise _failure_of(error.response) from None
    except (BotoCoreError, ResponseParserError) as error:
        raise DeliveryFailed(f"SNS cannot be reached ({type(error).__name__})") from None


def _failure_of(answer: Mapping[str, Any]) -> DeliveryFailed:
    metadata = answer.get("ResponseMetadata", {})
    code, status = str(answer.get("Error", {}).get("Code", "")), int(metadata.get("HTTPStatusCode", 0))
    is_retried = "Throttl" in code or "Expired" in code or status in (408, 429) or status >= 500
    retry_after_s = retry_after_of(status, metadata.get("HTTPHeaders", {}), time.time()) if is_retried else None
    is_wide = not is_retried and (code in _CHANNEL_WIDE or 300 <= status < 400 or status in (401, 403, 404, 410))
    return DeliveryFailed(f"SNS refused it ({code or status})", not is_retried, retry_after_s, is_wide)


def request_of(payload: Mapping[str, Any], message_id: str, settings: Settings) -> dict[str, Any]:
    """The arguments of Publish: for people the text, for programs the payload."""
    program, people = json.dumps(payload), text_of(payload, settings.timezone)
    forms = {"default": people, "email": people, "sms": shortened(headline_of(payload), _MOST_SMS)}
    forms |= dict.fromkeys(("email-json", "http", "https", "lambda", "sqs", "firehose"), program)
    request = {
        "TopicArn": settings.alert_sns_topic_arn,
        "Subject": subject_of(payload),
        "Message": json.dumps(forms),
        "MessageStructure": "json",
        "MessageAttributes": {
            "message_id": {"DataType": "String", "StringValue": message_id},
            "level": {"DataType": "String", "StringValue": payload["data"]["level"]},
            "type": {"DataType": "String", "StringValue": payload["type"]},
        },
    }
    if str(settings.alert_sns_topic_arn).endswith(".fifo"):
        request |= {"MessageGroupId": payload["data"]["alert_id"][:128], "MessageDeduplicationId": message_id[:128]}
    return request


def subject_of(payload: Mapping[str, Any]) -> str:
    """ASCII, one line, fewer than 100 characters, and beginning with none that SNS refuses."""
    ascii_only = headline_of(payload).encode("ascii", "replace").decode()
    return ascii_only if len(ascii_only) <= _MOST_SUBJECT else ascii_only[: _MOST_SUBJECT - 3] + "..."


def text_of(payload: Mapping[str, Any], timezone: str) -> str:
    """What a person reads."""
    rows = [f"{name}: {value}" for name, value in rows_of(payload, timezone)]
    links = [f"{text}: {address}" for text, address in links_of(payload)]
    paragraphs = [[headline_of(payload), lead_of(payload), *notes_of(payload)], rows, links]
    return "\n\n".join("\n".join(lines) for lines in paragraphs if lines)


@functools.cache
def _client(region: str) -> Any:
    import boto3
    from botocore.config import Config

    config = Config(connect_timeout=_CONNECT_S, read_timeout=_READ_S, retries={"total_max_attempts": 1})
    return boto3.client("sns", region_name=region, config=config)
