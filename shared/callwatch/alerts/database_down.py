"""PostgreSQL itself is down: one page goes out without it, and the rows are written when it is back.

The outage is remembered in this process and in a file under /tmp, which later processes of the same
execution environment find.
"""

import json
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from callwatch.alerts.channels import channels_for
from callwatch.alerts.instance import Instance, instance_key
from callwatch.alerts.lane import try_once
from callwatch.alerts.manager import alert_manager
from callwatch.alerts.message import iso, payload_of, runbook_url, text_of
from callwatch.alerts.outbox import queue_notification
from callwatch.alerts.post import TIMEOUT_S
from callwatch.alerts.rule import AlertRule
from callwatch.db.alerts import add_timeline, open_alert, resolve_alert
from callwatch.db.connect import AnyConnection
from callwatch.settings import get_settings

RULE_ID = "database_health"
_FILE = Path(tempfile.gettempdir()) / "callwatch-database-down.json"
_UNHEALTHY = 2.0


def database_down(now: datetime, reason: str) -> dict[str, Any]:
    """Note the outage, and tell it where that is due: at its start, then at most once a cooldown."""
    outage = current_outage() or {"since": iso(now), "told_at": None, "reason": reason, "channels": []}
    rule = _rule()
    told_at = outage["told_at"]
    is_due = told_at is None or now - datetime.fromisoformat(told_at) >= timedelta(minutes=rule.cooldown_minutes)
    if is_due:
        outage["channels"] = _tell(rule, outage, "alert.firing", now)
        outage["told_at"] = iso(now)
    _FILE.write_text(json.dumps(outage))
    return {"since": outage["since"], "told": is_due, "channels": outage["channels"]}


def database_back(conn: AnyConnection, now: datetime) -> bool:
    """Write the rows of an outage that is over, and put its all-clear into the outbox. The caller commits.

    True where there was one; call forget_outage() after the commit.
    """
    outage = current_outage()
    if outage is None:
        return False
    rule, settings = _rule(), get_settings()
    instance = _instance(rule, outage)
    alert_id = open_alert(
        conn,
        {
            "alert_key": f"{instance.key}|outage={outage['since']}",
            "rule_id": rule.id,
            "title": rule.name,
            "level": rule.level.value,
            "message": text_of(rule, instance),
            "value": instance.value,
            "threshold": instance.threshold,
            "service": "database",
            "labels": dict(instance.labels),
            "started_at": instance.since,
            "suppressed_by": None,
            "runbook_url": runbook_url(settings, rule.id),
        },
    )
    add_timeline(conn, alert_id, instance.since, "firing", "callwatch", "the database did not answer")
    if outage["told_at"]:
        told = f"sent without the database to {', '.join(outage['channels']) or 'nobody'}"
        add_timeline(conn, alert_id, datetime.fromisoformat(outage["told_at"]), "notified: firing", "callwatch", told)
    resolve_alert(conn, alert_id, now)
    add_timeline(conn, alert_id, now, "resolved", "callwatch", "the database answers again")
    payload = payload_of("alert.resolved", _outage_id(outage), rule, instance, settings, now)
    queue_notification(conn, alert_id, rule, payload, settings, now)
    return True


def current_outage() -> dict[str, Any] | None:
    """The outage that is going on: since, told_at, reason, channels; None where there is none."""
    try:
        found: dict[str, Any] = json.loads(_FILE.read_text())
        return found if "since" in found else None
    except (OSError, ValueError):
        return None


def forget_outage() -> None:
    """The outage is over, and its rows are written."""
    _FILE.unlink(missing_ok=True)


def _tell(rule: AlertRule, outage: dict[str, Any], kind: str, now: datetime) -> list[str]:
    settings = get_settings()
    payload = payload_of(kind, _outage_id(outage), rule, _instance(rule, outage), settings, now)
    reached = []
    for channel in channels_for(rule, settings):
        if try_once(channel, payload, f"msg_{_outage_id(outage)}_{channel}_{iso(now)}", settings, TIMEOUT_S) is None:
            reached.append(channel)
    return reached


def _outage_id(outage: dict[str, Any]) -> str:
    return f"{RULE_ID}:{outage['since']}"


def _instance(rule: AlertRule, outage: dict[str, Any]) -> Instance:
    since = datetime.fromisoformat(outage["since"])
    labels = {"service": "database"}
    return Instance(
        instance_key(rule.id, labels), rule.id, labels, "firing", since, value=_UNHEALTHY, threshold=_UNHEALTHY,
        detail=outage["reason"], began_at=since,
    )  # fmt: skip


def _rule() -> AlertRule:
    return next(rule for rule in alert_manager.rules(get_settings()) if rule.id == RULE_ID)
