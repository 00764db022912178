"""Digests errors and requests as they arrive, many at once, where ParallelDigest switches it on (docs/scaling.md)."""

from datetime import UTC, datetime
from typing import Any

from callwatch.digest.event_source import BatchResponse, digest_records
from callwatch.runtime.invocation import uncaptured_invocation
from callwatch.settings import get_settings

# Below the function's timeout, so that records that are not stored by then are handed back.
_LIMIT_S = 22.0


def handle(event: dict[str, Any], _context: Any) -> BatchResponse:
    """Store the records. The event source deletes all except those that the response names.

    The function's own failures go to its log and its alarm: an error in the queue would invoke it again.
    """
    settings = get_settings()
    return digest_records(event["Records"], settings.error_queue_url, settings.dead_letter_queue_url, datetime.now(UTC), _LIMIT_S)


lambda_handler = uncaptured_invocation(handle)
