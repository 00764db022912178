"""Brings dead letters back into the queue, after what poisoned them was mended."""

from typing import Any

from callwatch import queue
from callwatch.runtime.invocation import invocation
from callwatch.settings import get_settings

_MOST = 10_000


def handle(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """{"limit": n} moves at most n messages (10,000); answers how many were moved and how many are left."""
    settings = get_settings()
    limit = max(1, min(int(event.get("limit") or _MOST), _MOST))
    moved = queue.redrive(settings.dead_letter_queue_url, settings.error_queue_url, limit)
    return {"moved": moved, "left": queue.approximate_count(settings.dead_letter_queue_url)}


lambda_handler = invocation(handle)
