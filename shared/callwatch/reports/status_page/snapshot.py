"""The snapshot of the public status page: the monitor writes it in each cycle, and the page is made from it alone.

So the page needs no database. A snapshot that nobody renews says nothing about the present: its components are unknown.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from callwatch.file_store import find_file, write_file
from callwatch.settings.status_page import StatusPage
from callwatch.times import format_time

if TYPE_CHECKING:
    from callwatch.models.shapes.incidents.publication import Snapshot

NAME = "snapshot.json"
# As long as health waits before it calls the monitor late.
FRESH_FOR = timedelta(minutes=3)


def write_snapshot(url: str, snapshot: Snapshot) -> None:
    """Write the snapshot to the store. Raises FilesUnavailable."""
    write_file(url, NAME, json.dumps(snapshot, default=_encode, ensure_ascii=True).encode())


def _encode(value: Any) -> str:
    if isinstance(value, datetime):
        return format_time(value)
    raise TypeError(type(value).__name__)


def load_snapshot(url: str | None) -> Snapshot | None:
    """Read the snapshot; None if none was written. Raises FilesUnavailable."""
    raw = find_file(url, NAME) if url else None
    found: Snapshot | None = json.loads(raw, object_hook=_decode_times) if raw else None
    return found


def find_current(found: Snapshot | None, page: StatusPage, now: datetime) -> Snapshot:
    """What can be said now: without a fresh snapshot every component is unknown; what people published stands.

    page: the components as they are described now.
    """
    is_fresh = found is not None and found["at"] is not None and now - found["at"] <= FRESH_FOR
    states = {each["id"]: each["status"] for each in found["components"]} if found and is_fresh else {}
    return {
        "at": found["at"] if found else None,
        "name": page.name,
        "components": [
            {"id": each.id, "name": each.name, "description": each.description, "status": states.get(each.id, "unknown")}
            for each in page.components
        ],
        "incidents": found["incidents"] if found else [],
    }


def _decode_times(given: dict[str, object]) -> dict[str, object]:
    return {
        name: datetime.fromisoformat(value) if isinstance(value, str) and (name == "at" or name.endswith("_at")) else value
        for name, value in given.items()
    }
