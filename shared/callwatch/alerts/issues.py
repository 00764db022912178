"""What is wrong now, as GET /api/status shows it."""

from datetime import datetime
from typing import Any

from callwatch.alerts.memory import Memory
from callwatch.alerts.outage import RULE_ID, current_outage
from callwatch.db.alerts import firing_alerts
from callwatch.db.connect import AnyConnection

# The monitor's memory of an outage lies in another execution environment: this one has its own, of when it missed
# the database first.
MISSED = Memory("callwatch-database-missed.json")
_TYPES = {"critical": "error", "error": "error", "warning": "warning", "info": "info"}


def current_issues(conn: AnyConnection) -> list[dict[str, Any]]:
    """Exactly the firing alerts, the worst first: type, message, since, rule_id. A critical one shows as error."""
    MISSED.save({})
    return _firing(conn)


def issues_read_only(conn: AnyConnection, now: datetime) -> list[dict[str, Any]]:
    """While the database takes no writes: that, which no row of it can say, and what fired before."""
    others = [issue for issue in _firing(conn) if issue["rule_id"] != RULE_ID]
    return [*issues_without_database(now, "takes no writes"), *others]


def _firing(conn: AnyConnection) -> list[dict[str, Any]]:
    order = ("error", "warning", "info")
    issues = [
        {
            "type": _TYPES[alert["level"]],
            "message": f"{alert['title']}: {alert['message']}",
            "since": alert["started_at"],
            "rule_id": alert["rule_id"],
        }
        for alert in firing_alerts(conn)
    ]
    return sorted(issues, key=lambda issue: order.index(issue["type"]))


def issues_without_database(now: datetime, what: str = "does not answer") -> list[dict[str, Any]]:
    """While the database is down: that it is, since the monitor or else this process first missed it."""
    outage = current_outage()
    if outage:
        since, why = outage["since"], outage["reason"]
    else:
        since = MISSED.load().get("since") or now.isoformat()
        MISSED.save({"since": since})
        why = "as seen from here"
    message = f"Database health: the monitor's database {what} ({why})"
    return [{"type": "error", "message": message, "since": datetime.fromisoformat(since), "rule_id": RULE_ID}]
