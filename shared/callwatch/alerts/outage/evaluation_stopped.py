"""Alerts directly if no rule is evaluated although the database is up, from the second such cycle in a row.

1. A cycle whose evaluation fails is counted in this process and in a file in the temporary folder.
2. From the second one on, the alert is sent like that of a database outage, since the outbox belongs to the evaluation.
3. The first cycle that evaluates again writes the alert's rows, and queues the all-clear in the outbox.
"""

import logging
from datetime import datetime

from callwatch.alerts.outage.outage import NOTIFY_FROM, OutageMemory
from callwatch.alerts.outage.outage_end import write_outage
from callwatch.alerts.outage.outage_start import forget_outage, page_directly
from callwatch.db.core.connect import AnyConnection, extract_first_line
from callwatch.times import format_time

_log = logging.getLogger(__name__)


def miss_evaluation(memory: OutageMemory, now: datetime, error: BaseException, deadline_s: float) -> None:
    """Count a cycle that did not evaluate, and notify if that is due; never raises. Ends by `deadline_s`."""
    try:
        known = memory.load_remembered()
        first_at = known.get("first_missed_at") or format_time(now.replace(microsecond=0))
        missed = int(known.get("missed", 0)) + 1
        memory.save({**known, "missed": missed, "first_missed_at": first_at})
        if missed >= NOTIFY_FROM:
            reason = f"{type(error).__name__}: {extract_first_line(error)}"
            page_directly(memory, now, reason, deadline_s, datetime.fromisoformat(first_at), {"value": float(missed)})
    except Exception:
        _log.exception("the notification of a cycle without evaluation failed")


def resume_evaluation(conn: AnyConnection, memory: OutageMemory, now: datetime) -> bool:
    """Write the alert of an outage that ended; True if there was one. The caller commits, then calls forget_missed."""
    kind, outage = memory.kind, memory.find_current()
    return outage is not None and write_outage(conn, kind, outage, now, now, kind.began)


def forget_missed(memory: OutageMemory, now: datetime, was_stopped: bool) -> None:
    """Reset the count after a cycle that evaluated."""
    if was_stopped:
        forget_outage(memory, now)
        return
    known = memory.load_remembered()
    if "missed" in known:
        memory.save({name: value for name, value in known.items() if name not in ("missed", "first_missed_at")})
