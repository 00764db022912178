"""Brings dead letters back into the queue, after what poisoned them was mended."""

from typing import Any

from callwatch import queue
from callwatch.exceptions import ConfigurationError
from callwatch.runtime.invocation import invocation
from callwatch.settings import get_settings


def handle(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """{"limit": n} moves at most n messages (10,000); answers how many were moved and how many are left.

    Raises ConfigurationError for a limit that is none.
    """
    settings = get_settings()
    limit = event.get("limit", queue.REDRIVE_MOST)
    if not isinstance(limit, int) or not 1 <= limit <= queue.REDRIVE_MOST:
        raise ConfigurationError(f"limit takes a number from 1 to {queue.REDRIVE_MOST}")
    moved = queue.redrive(settings.dead_letter_queue_url, settings.error_queue_url, limit)
    return {"moved": moved, "left": queue.approximate_count(settings.dead_letter_queue_url)}


lambda_handler = invocation(handle)
