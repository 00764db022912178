"""What cannot wait for the minute: critical errors, judged and told as soon as they are stored."""

from datetime import datetime
from typing import Any

from callwatch.alerts.deliver import deliver_due
from callwatch.alerts.run import evaluate_rules
from callwatch.db import connection
from callwatch.tracker.facts import count_facts, news_facts

_METRICS = frozenset(
    {"errors.last_hour", "errors.critical_last_hour", "errors.new_group", "errors.new_groups", "errors.regressed_group"}
)
_DELIVER_S = 10.0


def evaluate_urgent(now: datetime) -> dict[str, Any]:
    """Judge the rules on errors, and send what follows. Raises DatabaseUnavailable."""
    with connection() as conn:
        facts = [*count_facts(conn, now), *news_facts(conn, now)]
        evaluated = evaluate_rules(conn, facts, now, only_metrics=_METRICS)
        conn.commit()
    delivered = deliver_due(now, _DELIVER_S) if evaluated.notified else None
    return {"fired": evaluated.fired, "sent": delivered.sent if delivered else 0}
