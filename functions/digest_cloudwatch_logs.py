"""Finds crashes in the log groups of other functions, as a subscription of CloudWatch Logs delivers their lines."""

from datetime import UTC, datetime
from typing import Any, TypedDict

from callwatch import sqs
from callwatch.events.event import build_error_message, finish_foreign_event
from callwatch.events.work_limit import WorkBudget
from callwatch.ingest.crashes.crash import build_event, choose_crashes
from callwatch.ingest.crashes.lambda_logs import list_crashes, read_subscription
from callwatch.models.ingest_outcome import LAMBDA_LOGS
from callwatch.runtime.environment import work_deadline
from callwatch.runtime.invocation import invocation
from callwatch.settings import get_settings

# Subscriptions carry no key: their crashes belong to the first project.
PROJECT_ID = 1


class Found(TypedDict):
    """How many crashes the lines hold."""

    crashes: int


def handle(event: dict[str, Any], _context: Any) -> Found:
    """Send the crashes to the queue. CloudWatch Logs delivers again if this raises; a repeated crash counts once.

    Raises Unreadable for an event of another form, and QueueUnavailable.
    """
    now, budget = datetime.now(UTC), WorkBudget(deadline=work_deadline())
    crashes = choose_crashes(list_crashes(read_subscription(event)))
    events = [finish_foreign_event(build_event(crash, PROJECT_ID), now, budget) for crash in crashes]
    if events:
        messages = [build_error_message(found, PROJECT_ID, now, LAMBDA_LOGS, budget) for found in events]
        sqs.send(get_settings().error_queue_url, messages)
    return {"crashes": len(events)}


lambda_handler = invocation(handle)
