"""Configuration values that the environment only names: secrets and parameters, read from AWS."""

import functools
import json

from callwatch.aws.client import Client, Timeouts, make_client
from callwatch.exceptions import AwsCallFailed, ConfigurationError

# Two attempts fit into the ten seconds that Lambda gives a function to start.
_TIMEOUTS = Timeouts(connect_s=1.0, read_s=3.0)


def forget_secrets() -> None:
    """Forget all secrets, so that the next value that names one reads it again."""
    _fetch_secret.cache_clear()
    _make_client.cache_clear()


def fetch_named_value(name: str) -> str:
    """The text behind a Secrets Manager ARN or an `ssm:` parameter name.

    Raises ConfigurationError if it cannot be read. The message never holds the value.
    """
    try:
        if name.startswith("ssm:"):
            answer = _make_client("ssm").get_parameter(Name=name.removeprefix("ssm:"), WithDecryption=True)
            return str(answer["Parameter"]["Value"])
        # An ARN has seven parts; an eighth names one key of a JSON secret.
        parts = name.split(":")
        secret = _fetch_secret(":".join(parts[:7]))
        key = parts[7] if len(parts) > 7 else ""
        return str(json.loads(secret).get(key, "")) if key else secret
    except AwsCallFailed as error:
        raise ConfigurationError(f"{name} cannot be read ({error.reason})") from None
    except (ValueError, KeyError) as error:
        raise ConfigurationError(f"{name} cannot be read ({type(error).__name__})") from None


@functools.cache
def _fetch_secret(arn: str) -> str:
    """The text of a secret; requested once, however many of its keys are named."""
    return str(_make_client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"])


@functools.cache
def _make_client(service: str) -> Client:
    return make_client(service, _TIMEOUTS)
