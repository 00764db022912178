"""Moves dead letters and archived messages back into the queue, after their cause was fixed."""

from typing import Any, TypedDict

from callwatch import sqs
from callwatch.digest.archive import count_archive, restore_archive
from callwatch.exceptions import ConfigurationError
from callwatch.runtime.environment import current
from callwatch.runtime.invocation import invocation
from callwatch.settings import get_settings

# Sending one archive file takes less than this.
_MARGIN_MS = 15_000


class Redriven(TypedDict):
    """How many messages were moved and restored, and how many remain."""

    moved: int
    left: int
    restored: int
    archived: int


def handle(event: dict[str, Any], _context: Any) -> Redriven:
    """{"limit": n} moves at most n dead letters (default 10,000), then archived messages until the time runs out.

    Raises ConfigurationError for an invalid limit.
    """
    settings = get_settings()
    limit = event.get("limit", sqs.MAX_REDRIVE)
    if not isinstance(limit, int) or not 1 <= limit <= sqs.MAX_REDRIVE:
        raise ConfigurationError(f"limit must be a number from 1 to {sqs.MAX_REDRIVE}")
    moved = sqs.redrive(settings.dead_letter_queue_url, settings.error_queue_url, limit)
    left = sqs.estimate_count(settings.dead_letter_queue_url)
    if not settings.archive_url:
        return {"moved": moved, "left": left, "restored": 0, "archived": 0}
    restored = restore_archive(settings.archive_url, settings.error_queue_url, limit, _has_time)
    return {"moved": moved, "left": left, "restored": restored, "archived": count_archive(settings.archive_url)}


def _has_time() -> bool:
    remaining_ms = current.get_remaining_ms()
    return remaining_ms is None or remaining_ms > _MARGIN_MS


lambda_handler = invocation(handle)
