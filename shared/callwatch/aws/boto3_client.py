"""boto3's clients with our one error."""

from collections.abc import Callable
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, ReadTimeoutError

from callwatch.aws.client import ATTEMPTS, THROTTLES, Timeouts
from callwatch.exceptions import AwsCallFailed


class Boto3Client:
    """One service; its operations raise AwsCallFailed."""

    def __init__(self, service: str, timeouts: Timeouts, endpoint_url: str | None, region: str | None) -> None:
        config = Config(
            connect_timeout=timeouts.connect_s,
            read_timeout=timeouts.read_s,
            retries={"total_max_attempts": ATTEMPTS},
            max_pool_connections=32,
        )
        make: Any = boto3.client
        try:
            self._client = make(service, config=config, endpoint_url=endpoint_url, region_name=region)
        except BotoCoreError as error:
            # No region, half a pair of keys, a profile that does not exist.
            raise AwsCallFailed("misconfigured", type(error).__name__) from error

    def __getattr__(self, operation: str) -> Callable[..., dict[str, Any]]:
        """An operation by its name."""
        if operation.startswith("_"):
            raise AttributeError(operation)
        action: Callable[..., dict[str, Any]] = getattr(self._client, operation)

        def call(**given: Any) -> dict[str, Any]:
            try:
                return action(**given)
            except ClientError as error:
                code = str(error.response.get("Error", {}).get("Code", "")).rpartition(".")[2]
                raise AwsCallFailed(code, is_passing=code in THROTTLES) from error
            except BotoCoreError as error:
                is_late = isinstance(error, ConnectTimeoutError | ReadTimeoutError)
                raise AwsCallFailed("timeout" if is_late else "unreachable", type(error).__name__) from error

        return call
