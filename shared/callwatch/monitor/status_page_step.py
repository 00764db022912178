"""The step `status_page`: writes the snapshot from which the public status page is made."""

from collections.abc import Mapping

from callwatch.db import connection
from callwatch.monitor.cycle import Cycle
from callwatch.reports.status_page.assessment import build_snapshot
from callwatch.reports.status_page.snapshot import write_snapshot
from callwatch.settings import get_settings

_STATEMENT_MS = 3_000
_MIN_S = 2.0


def write_status_page(cycle: Cycle) -> Mapping[str, object]:
    """Write the snapshot if the page is on. Without one that is renewed, the page calls every component unknown."""
    settings = get_settings()
    page, store = settings.status_page_file, settings.status_page_store
    if page is None or store is None:
        return {}
    if not cycle.is_evaluated or cycle.compute_remaining_s(_MIN_S) < _MIN_S:
        return {"skipped": "nothing was evaluated" if not cycle.is_evaluated else "the cycle had no time left"}
    with connection(statement_timeout_ms=_STATEMENT_MS) as conn:
        snapshot = build_snapshot(conn, page, cycle.now)
    write_snapshot(store, snapshot)
    return {"components": len(snapshot["components"]), "incidents": len(snapshot["incidents"])}
