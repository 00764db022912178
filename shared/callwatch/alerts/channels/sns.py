"""An SNS topic."""

import json
from collections.abc import Mapping
from typing import Any

from callwatch.alerts.failure import DeliveryFailed
from callwatch.alerts.message import summary_line
from callwatch.settings import Settings

_PERMANENT = frozenset({"AuthorizationError", "InvalidParameter", "NotFound", "EndpointDisabled"})


def is_configured(settings: Settings) -> bool:
    """Whether there is a topic."""
    return bool(settings.alert_sns_topic_arn)


def send(payload: Mapping[str, Any], message_id: str, settings: Settings) -> None:
    """Publish the payload as JSON. Raises DeliveryFailed."""
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    client = boto3.client("sns", config=Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 1}))
    subject = summary_line(payload).encode("ascii", "replace").decode()[:100]
    attributes = {"message_id": {"DataType": "String", "StringValue": message_id}}
    try:
        client.publish(
            TopicArn=settings.alert_sns_topic_arn,
            Subject=subject,
            Message=json.dumps(payload),
            MessageAttributes=attributes,
        )
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        raise DeliveryFailed(f"SNS refused it ({code})", is_permanent=code in _PERMANENT) from None
    except BotoCoreError as error:
        raise DeliveryFailed(f"SNS cannot be reached ({type(error).__name__})") from None
