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
    """Migrate, and report the migrations applied; a custom resource's event is also answered at its URL."""
    if "ResponseURL" not in event:
        return bring_forward()
    try:
        # The tables stay when the stack goes: what was recorded is not ours to delete.
        data = {"applied": []} if event.get("RequestType") == "Delete" else bring_forward()
        outcome = {"Status": "SUCCESS", "Data": {"applied": ",".join(data["applied"])}}
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
    applied = migrate(dsn)
    logger.info("schema is up to date", extra={"applied": applied})
    return {"applied": applied}


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
