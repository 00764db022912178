"""Instances as rows of callwatch.rule_states, and back."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from callwatch.alerts.instance import Instance, Silence

_TIMES = ("since", "clear_since", "began_at", "last_notified_at", "last_cleared_at")
_FLAGS = ("is_notified", "is_acknowledged", "is_flapping", "is_unknown", "is_muted", "has_seen")
_TEXTS = ("metric", "comparison", "detail", "reason", "suppressed_by")


def row_of(instance: Instance, alert_id: int | None, now: datetime) -> dict[str, Any]:
    """The row that keeps an instance; a span that is still open keeps its alert."""
    details = {
        **{name: value.isoformat() if (value := getattr(instance, name)) else None for name in _TIMES},
        **{name: getattr(instance, name) for name in (*_FLAGS, *_TEXTS)},
        "labels": dict(instance.labels),
        "fired": [at.isoformat() for at in instance.fired],
    }
    return {
        "key": instance.key,
        "rule_id": instance.rule_id,
        "state": instance.state,
        "value": instance.value,
        "threshold": instance.threshold,
        "alert_id": alert_id if instance.state == "firing" or instance.is_open else None,
        "now": now,
        "details": details,
    }


def instance_of(row: Mapping[str, Any]) -> Instance:
    """The instance that a row keeps."""
    details = row["details"]
    times: dict[str, Any] = {name: datetime.fromisoformat(details[name]) if details.get(name) else None for name in _TIMES}
    flags: dict[str, Any] = {name: bool(details.get(name)) for name in _FLAGS}
    texts: dict[str, Any] = {name: details.get(name) for name in _TEXTS}
    return Instance(
        key=row["alert_key"],
        rule_id=row["rule_id"],
        labels=details["labels"],
        state=row["state"],
        value=row["value"],
        threshold=row["threshold"],
        fired=tuple(datetime.fromisoformat(at) for at in details["fired"]),
        **times,
        **flags,
        **texts,
    )


def silence_of(matchers: Mapping[str, Any]) -> Silence:
    """The silence that a row's matchers mean."""
    return Silence(matchers.get("rule_id"), matchers.get("service"), matchers.get("labels") or {})
