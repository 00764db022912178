"""Converts instances to rows of callwatch.rule_states, and back."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from callwatch.alerts.evaluation.instance import Instance
from callwatch.alerts.rules.sanitize import clean_instance, parse_clean_time
from callwatch.db.alert_queries.rule_states import NewState, StoredState
from callwatch.models.reason import Reason

_TIMES = ("since", "clear_since", "began_at", "last_notified_at", "last_cleared_at", "gone_since")
_FLAGS = ("is_notified", "is_acknowledged", "is_flapping", "is_unknown", "is_muted", "has_seen")
# Names that rows of earlier versions have for fields.
_OLD_NAMES = {"notified_channels": "told_channels", "notified_level": "told_level"}
_TEXTS = ("metric", "comparison", "detail", "suppressed_by", "notified_level", "group", "held", "ended", "ended_why")


def build_row(instance: Instance, alert_id: int | None, now: datetime) -> NewState:
    """Build the row of an instance; a span that is still open keeps its alert."""
    details = {
        **{name: value.isoformat() if (value := getattr(instance, name)) else None for name in _TIMES},
        **{name: getattr(instance, name) for name in (*_FLAGS, *_TEXTS)},
        "reason": instance.reason.to_dict() if instance.reason else None,
        "labels": dict(instance.labels),
        "notified_channels": instance.notified_channels,
        "fired": [at.isoformat() for at in instance.fired],
    }
    return {
        "key": instance.key,
        "rule_id": instance.rule_id,
        "state": instance.state,
        "value": instance.value,
        "threshold": instance.threshold,
        "alert_id": alert_id if instance.state == "firing" or instance.is_open or instance.group is not None else None,
        "now": now,
        "details": details,
    }


def load_instance(row: StoredState) -> Instance:
    """Load the instance of a row; damaged parts are left out and cost no other row."""
    details = _rename_old_fields(row["details"]) if isinstance(row["details"], Mapping) else {}
    times: dict[str, Any] = {name: parse_clean_time(details.get(name)) for name in _TIMES}
    flags: dict[str, Any] = {name: details.get(name) for name in (*_FLAGS, *_TEXTS)}
    fired = details.get("fired")
    channels = details.get("notified_channels")
    is_listed = isinstance(channels, list) and all(isinstance(name, str) for name in channels)
    stored = Instance(
        key=row["alert_key"],
        rule_id=row["rule_id"],
        labels=details.get("labels") or {},
        state=row["state"],
        value=row["value"],
        threshold=row["threshold"],
        reason=parse_reason(details.get("reason")),
        # A row of an earlier version holds that it was notified, but not where.
        notified_channels=tuple(channels or ()) if is_listed else None if flags["is_notified"] else (),
        fired=tuple(filter(None, map(parse_clean_time, fired))) if isinstance(fired, list) else (),
        **{**times, "since": times["since"] or datetime.now(UTC)},
        **flags,
    )
    return clean_instance(stored, stored.since)


def _rename_old_fields(details: Mapping[str, Any]) -> Mapping[str, Any]:
    renamed = {new: details[old] for new, old in _OLD_NAMES.items() if old in details and new not in details}
    return {**details, **renamed}


def parse_reason(kept: object) -> Reason | None:
    """Parse a stored reason, as `Reason.to_dict` writes it."""
    return Reason(kept["code"], kept["message"]) if isinstance(kept, dict) and {"code", "message"} <= kept.keys() else None


def is_damaged(row: StoredState) -> bool:
    """Whether a row differs from what build_row writes, so that its instance is rebuilt from what remains."""
    details = row["details"]
    if not isinstance(details, Mapping) or not isinstance(details.get("labels"), Mapping):
        return True
    times = [details.get(name) for name in _TIMES]
    has_bad_time = any(at is not None and parse_clean_time(at) is None for at in times)
    # PostgreSQL stores numbers that no sample has.
    has_bad_number = any(number is not None and not math.isfinite(number) for number in (row["value"], row["threshold"]))
    is_bad = has_bad_time or has_bad_number
    return is_bad or details.get("since") is None or not isinstance(details.get("fired"), list)
