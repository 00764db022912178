"""The steps of the monitor's cycle, in their order, each one call into the part that knows how."""

from datetime import timedelta
from typing import Any

from callwatch.db import connection
from callwatch.db.cycles import delete_cycles_before
from callwatch.db.partitions import drop_old_partitions, ensure_partitions
from callwatch.monitor.cycle import Cycle
from callwatch.settings import get_settings

CYCLES_KEPT_DAYS = 30
FLUSH_S = 20.0
CHECK_S = 3.0
NOTIFY_S = 12.0


def prepare(cycle: Cycle) -> dict[str, Any]:
    """Make partitions ahead, drop those whose time has passed."""
    with connection() as conn:
        made = ensure_partitions(conn, cycle.now)
        conn.commit()
        dropped = drop_old_partitions(conn, cycle.now, get_settings().retention_days)
        delete_cycles_before(conn, cycle.now - timedelta(days=CYCLES_KEPT_DAYS))
        conn.commit()
    return {"partitions_made": len(made), "partitions_dropped": len(dropped)}
