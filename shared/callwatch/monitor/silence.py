"""How long the monitor was silent before this cycle: it says so itself when it is back."""

from datetime import datetime

from callwatch.db.connect import AnyConnection
from callwatch.db.cycles import last_cycle
from callwatch.models.facts import Fact


def silence_facts(conn: AnyConnection, now: datetime) -> list[Fact]:
    """Seconds since the cycle before this one ended; nothing before the first one."""
    last = last_cycle(conn)
    if last is None:
        return []
    silent_s = max(0.0, (now - last["finished_at"]).total_seconds())
    return [Fact("monitor.silence_s", silent_s, since=last["finished_at"])]
