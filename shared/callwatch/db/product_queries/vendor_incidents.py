"""Incidents that vendors publish on their status pages."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TypedDict

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import execute
from callwatch.db.core.values import execute_rows

_KEPT = timedelta(days=100)
_KEEP = """
    INSERT INTO callwatch.vendor_incidents AS known (service, id, title, started_at, resolved_at) VALUES %s
    ON CONFLICT (service, id) DO UPDATE SET title = EXCLUDED.title, started_at = EXCLUDED.started_at,
        resolved_at = EXCLUDED.resolved_at
"""


class VendorIncident(TypedDict):
    """An incident as its vendor describes it."""

    id: str
    title: str
    started_at: datetime
    resolved_at: datetime | None


def keep_incidents(conn: AnyConnection, service: str, found: Sequence[VendorIncident], now: datetime) -> None:
    """Store the incidents of a vendor, and delete old ones. The caller commits."""
    execute_rows(conn, _KEEP, [(service, each["id"], each["title"], each["started_at"], each["resolved_at"]) for each in found])
    execute(conn, "DELETE FROM callwatch.vendor_incidents WHERE started_at < %s", (now - _KEPT,))
