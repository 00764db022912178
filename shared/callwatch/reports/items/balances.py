"""The balances of vendors in GET /api/metrics/costs, as the monitor read them last."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from callwatch.checks.balances import list_known
from callwatch.db import connection
from callwatch.db.core.unreadable import UNREAD, explain_unread
from callwatch.reports.missing_values import Unknown

if TYPE_CHECKING:
    from callwatch.models.shapes.product.costs import VendorBalance

_STATEMENT_MS = 3_000


def list_vendor_balances(now: datetime, unknown: Unknown) -> list[VendorBalance] | None:
    """The balance of each project of a vendor; None, with the reason, if none is known."""
    try:
        with connection(statement_timeout_ms=_STATEMENT_MS) as conn:
            known = list_known(conn, now)
    except UNREAD as error:
        return unknown.say("balances", None, explain_unread(error))
    if known.why is not None:
        return unknown.say("balances", None, known.why)
    shown: list[VendorBalance] = []
    for index, each in enumerate(known.found):
        path = f"balances.{index}"
        shown.append(
            {
                "service": each.service,
                "project": each.project,
                "usd": unknown.say(f"{path}.usd", None if each.usd is None else float(each.usd), each.why),
                "days_left": unknown.say(f"{path}.days_left", None if each.days is None else round(each.days, 2), each.why),
                "read_at": each.read_at,
            }
        )
    return shown
