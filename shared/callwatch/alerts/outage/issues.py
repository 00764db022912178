"""The current issues, as GET /api/status shows them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from callwatch.alerts.outage.memory import Memory
from callwatch.alerts.outage.outage import DATABASE, EVALUATION, NOTIFY_FROM, RULE_ID, OutageMemory
from callwatch.db.alert_queries.alerts import list_firing_alerts
from callwatch.db.core.connect import AnyConnection
from callwatch.db.queries.cycles import read_signs

if TYPE_CHECKING:
    from callwatch.models.shapes.status import Issue, IssueType

# The monitor's memory of an outage is in another execution environment; this one remembers when it first missed the
# database.
MISSED = Memory("callwatch-database-missed.json")
_TYPES: Mapping[str, IssueType] = {"critical": "error", "error": "error", "warning": "warning", "info": "info"}


def list_current_issues(conn: AnyConnection) -> list[Issue]:
    """List exactly the firing alerts, the worst first: a critical one has type error."""
    MISSED.save({})
    return [*_list_evaluation_stopped(conn), *_list_firing(conn)]


def list_issues_read_only(conn: AnyConnection, now: datetime) -> list[Issue]:
    """List the issues while the database is read-only: that issue, which has no row, and the alerts that fired before."""
    others = [issue for issue in _list_firing(conn) if issue["rule_id"] != RULE_ID]
    return [*list_issues_without_database(now, "does not accept writes"), *_list_evaluation_stopped(conn), *others]


def _list_evaluation_stopped(conn: AnyConnection) -> list[Issue]:
    """List the alert that the monitor sends directly, which has no row until the evaluation works again."""
    signs = read_signs(conn)
    if signs.missed < NOTIFY_FROM:
        return []
    title = "Evaluation stopped"
    message = f"{title}: no rule is evaluated ({signs.error or 'the evaluation did not run'})"
    since = signs.evaluated_at or signs.waiting_since
    return [_build_own(title, message, since, EVALUATION.rule_id)]


def _list_firing(conn: AnyConnection) -> list[Issue]:
    order = ("critical", "error", "warning", "info")
    issues: list[Issue] = []
    for alert in list_firing_alerts(conn):
        issue: Issue = {
            "type": _TYPES[alert["level"]],
            "title": alert["title"],
            "message": f"{alert['title']}: {alert['message']}",
            "since": alert["started_at"],
            "rule_id": alert["rule_id"],
            "level": alert["level"],
            "labels": alert["labels"],
            "alert_id": str(alert["id"]),
        }
        if alert["incident_id"] is not None:
            issue["incident_id"] = str(alert["incident_id"])
        issues.append(issue)
    return sorted(issues, key=lambda issue: order.index(issue["level"]))


def list_issues_without_database(now: datetime, what: str = "does not answer") -> list[Issue]:
    """List the issue while the database is down, since the monitor or else this process first missed it."""
    outage = OutageMemory(DATABASE).find_current()
    if outage:
        since, why = outage["since"], outage["reason"]
    else:
        since = MISSED.load().get("since") or now.isoformat()
        MISSED.save({"since": since})
        why = "as seen by the API"
    title = "Database health"
    message = f"{title}: the monitor's database {what} ({why})"
    return [_build_own(title, message, datetime.fromisoformat(since), RULE_ID)]


def _build_own(title: str, message: str, since: datetime, rule_id: str) -> Issue:
    """Build the issue of an alert that is sent directly, and has no row yet."""
    return {
        "type": "error", "title": title, "message": message, "since": since, "rule_id": rule_id, "level": "critical",
        "labels": {},
    }  # fmt: skip
