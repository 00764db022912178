"""Keeps the snapshot of the public status page for seconds, so that visitors cannot flood its store."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from callwatch.exceptions import FilesUnavailable
from callwatch.reports.status_page.snapshot import find_current, load_snapshot
from callwatch.settings.status_page import StatusPage
from callwatch.tracker import error_tracker

if TYPE_CHECKING:
    from callwatch.models.shapes.incidents.publication import Snapshot

_KEPT_FOR = timedelta(seconds=10)


class KeptSnapshot:
    """The last snapshot that this execution environment read."""

    def __init__(self) -> None:
        self._read_at: datetime | None = None
        self._snapshot: Snapshot | None = None

    def load(self, url: str | None, page: StatusPage, now: datetime) -> Snapshot:
        """The snapshot, at most 10 s old. While the store does not respond, the last one stands until it is no longer fresh."""
        if self._read_at is None or now - self._read_at > _KEPT_FOR:
            self._read_at = now
            try:
                self._snapshot = load_snapshot(url)
            except FilesUnavailable as error:
                error_tracker.track_error(error, context={"endpoint": "status_page"})
        return find_current(self._snapshot, page, now)
