"""Digests critical errors within seconds of their arrival, then evaluates the error rules at once."""

from datetime import UTC, datetime
from typing import Any

from callwatch import sqs
from callwatch.db import statements_within
from callwatch.digest.event_source import BatchResponse, is_passing
from callwatch.digest.store import digest
from callwatch.exceptions import QueueUnavailable
from callwatch.monitor.critical_path import evaluate_critical
from callwatch.runtime.invocation import invocation
from callwatch.runtime.log import logger
from callwatch.settings import get_settings

# A digest may run twice; with this limit on each, time remains to return the records.
_STATEMENT_S = 8.0


def handle(event: dict[str, Any], _context: Any) -> BatchResponse:
    """Store the records. The event source deletes them when this returns and delivers them again when it raises.

    A record that cannot be stored goes to the dead-letter queue with its reason; if that fails, only this record is
    delivered again. While the database is down, read-only or locked, or the store of payloads is down, records move to the
    ordinary queue, which the monitor drains later: retries during a long outage would exhaust the receive count of good messages.
    """
    now = datetime.now(UTC)
    records = event["Records"]
    bodies = [record["body"] for record in records]
    try:
        with statements_within(lambda: _STATEMENT_S):
            done = digest(bodies, now)
    except Exception as error:
        if not is_passing(error):
            raise
        sqs.send(get_settings().error_queue_url, bodies)
        logger.warning("critical errors are queued again", extra={"count": len(bodies), "why": type(error).__name__})
        return {"batchItemFailures": []}
    failed = []
    for body, reason in done.poison:
        try:
            sqs.move_to_dead_letters(get_settings().dead_letter_queue_url, body, reason)
        except QueueUnavailable:
            failed += [record["messageId"] for record in records if record["body"] == body]
    # Duplicates count too: the run that stored them may have died before it evaluated.
    if done.errors or done.duplicates:
        _evaluate()
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _evaluate() -> None:
    try:
        with statements_within(lambda: _STATEMENT_S):
            evaluate_critical(datetime.now(UTC))
    except Exception:
        # The errors are stored and the monitor's next cycle evaluates them. Raising here would only store them again.
        logger.exception("urgent evaluation failed")


lambda_handler = invocation(handle)
