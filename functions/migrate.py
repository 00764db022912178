"""Brings the database schema forward: invoked directly on a deploy, or by CloudFormation as a custom resource."""

import json
import urllib.request
from typing import Any

from callwatch.db import migrate, with_retry
from callwatch.exceptions import CallwatchError, ConfigurationError
from callwatch.runtime.invocation import invocation
from callwatch.runtime.log import logger
from callwatch.settings import get_settings

_ANSWER_TIMEOUT_S = 10


def handle(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Run the pending migrations: {"ran": [names]}. A custom resource's event is answered at its URL as well."""
    if "ResponseURL" not in event:
        return bring_forward()
    try:
        # The tables stay when the stack goes: what was recorded is not ours to delete.
        data = {"ran": []} if event.get("RequestType") == "Delete" else bring_forward()
        outcome = {"Status": "SUCCESS", "Data": {"ran": ",".join(data["ran"])}}
    except Exception as error:
        # Without an answer the stack would hang for an hour, so every failure is told, and then logged.
        reason = str(error) if isinstance(error, CallwatchError) else type(error).__name__
        outcome = {"Status": "FAILED", "Reason": f"the schema could not be migrated: {reason}"}
        logger.exception("migration failed")
    _answer(event, outcome)
    return outcome


def bring_forward() -> dict[str, Any]:
    """Apply what is pending at DATABASE_URL."""
    dsn = get_settings().database_url
    if not dsn:
        raise ConfigurationError("DATABASE_URL takes a URL such as postgresql://user:password@host:5432/name")
    ran = migrate(dsn)
    logger.info("schema is up to date", extra={"ran": ran})
    return {"ran": ran}


def _answer(event: dict[str, Any], outcome: dict[str, Any]) -> None:
    body = {
        "PhysicalResourceId": event.get("PhysicalResourceId") or "callwatch-schema",
        **{name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")},
        **outcome,
    }
    # The URL is signed for a PUT without a content type.
    request = urllib.request.Request(  # noqa: S310
        event["ResponseURL"], json.dumps(body).encode(), {"content-type": ""}, method="PUT"
    )

    def put() -> None:
        with urllib.request.urlopen(request, timeout=_ANSWER_TIMEOUT_S):  # noqa: S310
            pass

    with_retry(put, retry_on=lambda error: isinstance(error, OSError))


lambda_handler = invocation(handle)
