"""Digests critical errors within seconds of their arrival, and judges the error rules at once."""

from datetime import UTC, datetime
from typing import Any

from callwatch import queue
from callwatch.db import is_retryable, statements_within
from callwatch.db.failing import is_failing
from callwatch.exceptions import LockUnavailable, QueueUnavailable
from callwatch.monitor.urgent import evaluate_urgent
from callwatch.runtime.invocation import invocation
from callwatch.runtime.log import logger
from callwatch.settings import get_settings
from callwatch.tracker.digest import digest

# Two tries of a digest, each stopped by it, leave the function the time to hand its records on.
_STATEMENT_S = 8.0


def handle(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Store the records; the event source deletes them when this returns, and gives them again when it raises.

    A record that cannot be stored goes to the dead letters with its reason; where even that fails, it alone comes again.
    While the database is down, takes no writes or keeps them waiting for a lock, records move to the ordinary queue, which
    the monitor drains once it can: tried here again and again, a long outage would wear good messages out.
    """
    now = datetime.now(UTC)
    records = event["Records"]
    bodies = [record["body"] for record in records]
    try:
        with statements_within(lambda: _STATEMENT_S):
            done = digest(bodies, now)
    except Exception as error:
        if not (isinstance(error, LockUnavailable) or is_failing(error) or is_retryable(error)):
            raise
        queue.send(get_settings().error_queue_url, bodies)
        logger.warning("critical errors wait for the database", extra={"count": len(bodies), "why": type(error).__name__})
        return {"batchItemFailures": []}
    failed = []
    for body, reason in done.poison:
        try:
            queue.dead_letter(get_settings().dead_letter_queue_url, body, reason)
        except QueueUnavailable:
            failed += [record["messageId"] for record in records if record["body"] == body]
    # Those stored before count too: whoever stored them may have died before it could judge.
    if done.errors or done.duplicates:
        _evaluate()
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _evaluate() -> None:
    try:
        with statements_within(lambda: _STATEMENT_S):
            evaluate_urgent(datetime.now(UTC))
    except Exception:
        # The errors are stored: the monitor's next cycle judges them. Failing here would only store them again.
        logger.exception("urgent evaluation failed")


lambda_handler = invocation(handle)
