"""The steps that ask vendors, after everything that must not wait for them."""

from collections.abc import Mapping

from callwatch.checks.balances import refresh_balances
from callwatch.checks.vendor_pages import refresh_pages
from callwatch.monitor.cycle import Cycle
from callwatch.settings import get_settings

_PAGE_S, _BALANCE_S = 3.0, 4.0
# For what the database needs meanwhile.
_STORE_S = 3.0


def read_vendor_pages(cycle: Cycle) -> Mapping[str, object]:
    """Read the pages that are due. What they say is shown next to alerts, and no rule reads it."""
    pages = dict(get_settings().vendor_status_pages or ())
    if not pages or not _has_time(cycle, _PAGE_S * len(pages)):
        return {}
    return {"pages": refresh_pages(pages, cycle.now, _PAGE_S)}


def read_vendor_balances(cycle: Cycle) -> Mapping[str, object]:
    """Read the balances that are due; the step `measure` of the next cycle is the first that sees them."""
    settings = get_settings()
    if not settings.deepgram_api_key or not _has_time(cycle, _BALANCE_S):
        return {}
    return {"balances": refresh_balances(settings, cycle.now, _BALANCE_S)}


def _has_time(cycle: Cycle, vendors_s: float) -> bool:
    needed_s = vendors_s + _STORE_S
    return cycle.is_database_up and cycle.compute_remaining_s(needed_s) >= needed_s
