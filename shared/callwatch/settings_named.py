"""Values of the configuration that the environment only names: secrets and parameters, read from AWS."""

import functools
import json
from typing import Any

from callwatch.exceptions import ConfigurationError


def forget_secrets() -> None:
    """Have the next value that names a secret read anew."""
    _secret.cache_clear()
    _client.cache_clear()


def fetch_named_value(name: str) -> str:
    """The text behind a Secrets Manager ARN or an `ssm:` parameter name.

    Raises ConfigurationError where it cannot be read; the value itself is never part of the message.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        if name.startswith("ssm:"):
            answer = _client("ssm").get_parameter(Name=name.removeprefix("ssm:"), WithDecryption=True)
            return str(answer["Parameter"]["Value"])
        # An ARN has seven parts; an eighth names one key of a JSON secret.
        parts = name.split(":")
        secret = _secret(":".join(parts[:7]))
        key = parts[7] if len(parts) > 7 else ""
        return str(json.loads(secret).get(key, "")) if key else secret
    except (BotoCoreError, ClientError, ValueError, KeyError) as error:
        raise ConfigurationError(f"{name} cannot be read ({type(error).__name__})") from None


@functools.cache
def _secret(arn: str) -> str:
    """The text of a secret; asked for once, however many of its keys are named."""
    return str(_client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"])


@functools.cache
def _client(service: str) -> Any:
    import boto3

    make: Any = boto3.client
    return make(service)
