"""The steps of the monitor's cycle, in their order, each one call into the part that knows how."""

from datetime import timedelta
from typing import Any

from callwatch import queue
from callwatch.alerts.database_down import database_back, database_down
from callwatch.alerts.deliver import deliver_due
from callwatch.alerts.evaluate_rules import evaluate_rules
from callwatch.checks.facts import check_facts
from callwatch.checks.run import record_checks, run_checks
from callwatch.db import connection, product_connection
from callwatch.db.cycles import delete_cycles_before
from callwatch.db.partitions import drop_old_partitions, ensure_partitions
from callwatch.exceptions import DatabaseUnavailable, QueueUnavailable
from callwatch.models.facts import Fact
from callwatch.monitor.cycle import Cycle, Step
from callwatch.pipeline.facts import pipeline_facts
from callwatch.pipeline.measure import measure
from callwatch.pipeline.record import record
from callwatch.requests.facts import request_facts
from callwatch.runtime.environment import current, memory
from callwatch.settings import get_settings
from callwatch.tracker.facts import error_facts
from callwatch.tracker.flush import flush

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
