"""The step `vendor_pages`: reads the status pages of vendors, after everything that must not wait for them."""

from typing import Any

from callwatch.checks.vendor_pages import refresh_pages
from callwatch.db import connection
from callwatch.monitor.cycle import Cycle
from callwatch.settings import get_settings

_PAGE_S = 3.0


def read_vendor_pages(cycle: Cycle) -> dict[str, Any]:
    """Read the pages that are due. What they say is shown next to alerts, and no rule reads it."""
    pages = dict(get_settings().vendor_status_pages or ())
    needed_s = _PAGE_S * (len(pages) + 1)
    if not pages or not cycle.is_database_up or cycle.remaining_s(needed_s) < needed_s:
        return {}
    with connection(statement_timeout_ms=3_000) as conn:
        return {"pages": refresh_pages(conn, pages, cycle.now, _PAGE_S)}
