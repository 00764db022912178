"""The critical path: evaluates and notifies critical errors as soon as they are stored."""

from datetime import datetime
from typing import TypedDict

from callwatch.alerts.evaluator import evaluate_rules
from callwatch.alerts.notifications.delivery import deliver_due
from callwatch.counters.error_samples import COMPLETE, count_samples, read_news_samples
from callwatch.db import connection
from callwatch.db.alert_queries.rule_states import read_firing_labels

_METRICS = frozenset(
    {"errors.last_hour", "errors.critical_last_hour", "errors.new_group", "errors.new_groups", "errors.regressed_group"}
)
_DELIVER_S = 10.0


class UrgentReport(TypedDict):
    """How many alerts fired, and how many notifications were sent."""

    fired: int
    sent: int


def evaluate_critical(now: datetime) -> UrgentReport:
    """Evaluate the error rules and send the notifications. Raises DatabaseUnavailable."""
    with connection() as conn:
        samples = [*count_samples(conn, now), *read_news_samples(conn, now, read_firing_labels(conn))]
        evaluated = evaluate_rules(conn, samples, now, only_metrics=_METRICS, complete=COMPLETE)
        conn.commit()
    delivered = deliver_due(now, _DELIVER_S) if evaluated.notified else None
    return {"fired": evaluated.fired, "sent": delivered.sent if delivered else 0}
