"""Brings the database schema forward: invoked by hand, by `make run`, or by CloudFormation on each deploy."""

import json
import urllib.request
from typing import Any

from callwatch.db.migrate import migrate
from callwatch.exceptions import ConfigurationError
from callwatch.runtime.invocation import invocation
from callwatch.runtime.log import logger
from callwatch.settings import get_settings


def handle(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Run the migrations; answers {"ran": [names]}. A CloudFormation request is answered at its ResponseURL."""
    if "ResponseURL" not in event:
        return {"ran": run()}
    failure = None
    try:
        # Deleting the stack leaves the data alone.
        ran = [] if event.get("RequestType") == "Delete" else run()
    except Exception as error:
        logger.exception("migration failed")
        failure, ran = f"{type(error).__name__}: {error}"[:500], []
    answer_cloudformation(event, failure)
    return {"ran": ran, "failure": failure}


def run() -> list[str]:
    """Migrate the configured database."""
    dsn = get_settings().database_url
    if not dsn:
        raise ConfigurationError("DATABASE_URL is needed to migrate")
    return migrate(dsn)


def answer_cloudformation(event: dict[str, Any], failure: str | None) -> None:
    """Tell CloudFormation how it went; without an answer a deployment would hang for an hour."""
    body = {
        "Status": "FAILED" if failure else "SUCCESS",
        "Reason": failure or "migrated",
        "PhysicalResourceId": event.get("PhysicalResourceId") or "callwatch-migrations",
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
    }
    request = urllib.request.Request(  # noqa: S310 - the address is CloudFormation's own, always https
        event["ResponseURL"], data=json.dumps(body).encode(), method="PUT", headers={"content-type": ""}
    )
    with urllib.request.urlopen(request, timeout=10):  # noqa: S310
        return


lambda_handler = invocation(handle)
