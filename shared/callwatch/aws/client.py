"""Makes clients of the AWS services that speak JSON; their operations have boto3's names.

The client of our own serves the plain case, which is Lambda's: keys and region in the environment, no proxy. In every other
case the calls go through boto3, which knows profiles, instance roles and proxies. Each is imported when the first is made.
"""

import os
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlsplit

# SSM, for example, reads its endpoint from AWS_ENDPOINT_URL_SSM.
_VARIABLES = {"sqs": "SQS", "secretsmanager": "SECRETS_MANAGER", "ssm": "SSM"}
ATTEMPTS = 2
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_LEFT_TO_BOTO3 = ("AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT", "AWS_CA_BUNDLE")
THROTTLES = frozenset(
    {"RequestThrottled", "ThrottlingException", "Throttling", "TooManyRequestsException", "OverLimit", "SlowDown"}
)


class Timeouts(NamedTuple):
    """Seconds until a connection with TLS stands, and until a response to a request is there."""

    connect_s: float
    read_s: float


class Client(Protocol):
    """A service whose operations have boto3's names, such as `send_message_batch(QueueUrl=..., Entries=...)`."""

    def __getattr__(self, operation: str, /) -> Callable[..., dict[str, Any]]:
        """The operation; calling it raises AwsCallFailed."""


def make_client(service: str, timeouts: Timeouts, endpoint_url: str | None = None, region: str | None = None) -> Client:
    """A client of "sqs", "secretsmanager" or "ssm". Threads may share it, processes may not.

    endpoint_url, region: None for those that the environment names.
    """
    region = region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    address = endpoint_url or _find_address(service, region or "")
    if region and _is_plain(address):
        from callwatch.aws.json_client import JsonClient

        return JsonClient(service, region, address, timeouts)
    from callwatch.aws.boto3_client import Boto3Client

    return Boto3Client(service, timeouts, endpoint_url, region)


def _find_address(service: str, region: str) -> str:
    named = os.environ.get(f"AWS_ENDPOINT_URL_{_VARIABLES[service]}") or os.environ.get("AWS_ENDPOINT_URL")
    return named or f"https://{service}.{region}.amazonaws.com{'.cn' if region.startswith('cn-') else ''}"


def _is_plain(address: str) -> bool:
    """Whether keys are in the environment, and nothing stands between us and the service."""
    environ = os.environ
    if not environ.get("AWS_ACCESS_KEY_ID") or not environ.get("AWS_SECRET_ACCESS_KEY"):
        return False
    parts = urlsplit(address)
    if parts.hostname in _LOOPBACK:
        return True
    proxies = (f"{parts.scheme}_proxy", f"{parts.scheme.upper()}_PROXY")
    return not any(environ.get(name) for name in (*proxies, *_LEFT_TO_BOTO3))
