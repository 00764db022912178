"""Reads what an SDK reports as discarded: events that were never sent, by reason and category."""

from collections.abc import Iterator
from typing import Any

from callwatch.ingest.report import MAX_COUNT
from callwatch.models.ingest_outcome import CATEGORIES, DISCARD_REASONS, OTHER

# SDKs name each pair of reason and category once; there are about ten of either.
_MAX_ENTRIES = 200
# SDKs report them next to the number of items.
_IN_BYTES = ("log_byte", "trace_metric_byte")
_ATTACHMENT, _ATTACHMENT_ITEM = "attachment", "attachment_item"
# The lists of a report; a relay between SDK and server writes the other two.
_LISTS = ("discarded_events", "filtered_events", "rate_limited_events")


def list_discarded(payload: Any) -> Iterator[tuple[str, str, int, bool]]:
    """Category, reason, quantity, and whether the quantity was limited; words that no SDK uses are "other".

    An entry without a positive whole quantity is left out, and what stands after _MAX_ENTRIES. The quantity of an attachment is
    its bytes: it counts as one, unless the report counts attachments as well.
    """
    report = payload if isinstance(payload, dict) else {}
    entries = [entry for name in _LISTS if isinstance(report.get(name), list) for entry in report[name][:_MAX_ENTRIES]]
    has_items = any(isinstance(entry, dict) and entry.get("category") == _ATTACHMENT_ITEM for entry in entries)
    for entry in entries[:_MAX_ENTRIES]:
        quantity = _read_quantity(entry.get("quantity")) if isinstance(entry, dict) else 0
        if quantity:
            category, reason = entry.get("category"), entry.get("reason")
            if category in _IN_BYTES or (category == _ATTACHMENT and has_items):
                continue
            quantity = 1 if category == _ATTACHMENT else quantity
            category = _ATTACHMENT if category == _ATTACHMENT_ITEM else category
            yield (
                category if isinstance(category, str) and category in CATEGORIES else OTHER,
                reason if isinstance(reason, str) and reason in DISCARD_REASONS else OTHER,
                min(quantity, MAX_COUNT),
                quantity > MAX_COUNT,
            )


def _read_quantity(value: Any) -> int:
    """A positive whole number, at most just above the limit; else 0."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= 1:
        return 0
    return int(min(value, MAX_COUNT + 1))
