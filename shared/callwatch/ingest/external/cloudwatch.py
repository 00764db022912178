"""CloudWatch's alarms: as SNS carries them, as EventBridge does, or as they are."""

import re
from datetime import datetime
from typing import Any

from callwatch.exceptions import Rejected
from callwatch.ingest.external.alert import Row, build_alert, read_time

_STATES = ("ALARM", "OK", "INSUFFICIENT_DATA")
_ARN = re.compile(r"arn:aws[a-z-]*:cloudwatch:([a-z0-9-]{1,40}):(\d{12}):alarm:.{1,300}")
_EVENT = "CloudWatch Alarm State Change"


def accept_alarm(given: Any, now: datetime) -> list[Row]:
    """The row of one alarm's change; none for INSUFFICIENT_DATA, after which an alarm is what it was. Raises Rejected."""
    if not isinstance(given, dict):
        raise Rejected("", "must be an alarm's JSON object")
    alarm = _read_event(given) if "detail-type" in given else _read_notification(given)
    if alarm["state"] not in _STATES:
        raise Rejected("NewStateValue", f"must be one of {', '.join(_STATES)}")
    if alarm["state"] == "INSUFFICIENT_DATA":
        return []
    arn = _ARN.fullmatch(alarm["arn"]) if isinstance(alarm["arn"], str) else None
    labels = {"region": arn[1], "account": arn[2]} if arn else {}
    changed_at = min(read_time(alarm["at"]) or now, now)
    is_firing = alarm["state"] == "ALARM"
    row = build_alert(
        "cloudwatch",
        alarm["name"],
        labels | alarm["metric"],
        is_firing=is_firing,
        identity=alarm["arn"] if arn else str(alarm["name"]),
        summary=_join(alarm["description"], alarm["reason"]),
        starts_at=changed_at,
        # Its own time: SNS may deliver in another order.
        changed_at=changed_at,
    )
    return [row]


def _read_notification(given: dict[str, Any]) -> dict[str, Any]:
    trigger = _find_object(given, "Trigger")
    return {
        "name": given.get("AlarmName"),
        "state": given.get("NewStateValue"),
        "arn": given.get("AlarmArn"),
        "at": given.get("StateChangeTime"),
        "description": given.get("AlarmDescription"),
        "reason": given.get("NewStateReason"),
        "metric": _name_metric(trigger.get("Namespace"), trigger.get("MetricName")),
    }


def _read_event(given: dict[str, Any]) -> dict[str, Any]:
    """An event of EventBridge. Raises Rejected for one of another kind."""
    if given.get("detail-type") != _EVENT:
        raise Rejected("detail-type", f"must be {_EVENT}")
    detail = _find_object(given, "detail")
    state, configuration = _find_object(detail, "state"), _find_object(detail, "configuration")
    resources = given.get("resources")
    return {
        "name": detail.get("alarmName"),
        "state": state.get("value"),
        "arn": resources[0] if isinstance(resources, list) and resources else None,
        "at": state.get("timestamp") or given.get("time"),
        "description": configuration.get("description"),
        "reason": state.get("reason"),
        "metric": {},
    }


def _find_object(given: dict[str, Any], name: str) -> dict[str, Any]:
    found = given.get(name)
    return found if isinstance(found, dict) else {}


def _name_metric(namespace: Any, metric: Any) -> dict[str, str]:
    return {"metric": f"{namespace}/{metric}"} if isinstance(namespace, str) and isinstance(metric, str) else {}


def _join(*parts: Any) -> str | None:
    texts = [part.strip() for part in parts if isinstance(part, str) and part.strip()]
    return ". ".join(text.rstrip(".") for text in texts) or None
