"""Alerts as Alertmanager's webhook sends them; Grafana's has the same form."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from callwatch.exceptions import Invalid, Rejected
from callwatch.ingest.external.alert import Row, build_alert, read_time
from callwatch.models.alert import STAGE_LABEL

MAX_ALERTS = 500
# Both repeat what still fires, every four hours unless configured otherwise; what is not repeated any more has ended.
_REPEATED_WITHIN = timedelta(days=3)
# Grafana's test notification never resolves.
_TEST_NAME, _TEST_LASTS = "TestAlert", timedelta(minutes=15)


def read_alerts(source: str, given: Any) -> list[Any]:
    """The alerts of a webhook's body, each still to be accepted. Raises Invalid for another form."""
    alerts = given.get("alerts") if isinstance(given, dict) else None
    if not isinstance(alerts, list):
        raise Invalid("alerts", f"is required and must be a list, as the webhook of {source} sends it")
    if len(alerts) > MAX_ALERTS:
        raise Invalid("alerts", f"must have at most {MAX_ALERTS} alerts: set max_alerts of the receiver")
    return alerts


def is_posted_by_callwatch(item: Any) -> bool:
    """Whether a Callwatch posted an alert to the Alertmanager that sends it: back where it began, it would keep itself firing."""
    labels = item.get("labels") if isinstance(item, dict) else None
    return isinstance(labels, dict) and STAGE_LABEL in labels


def accept_alert(source: str, item: Any, now: datetime) -> Row:
    """The row of one alert, ordered by its arrival: both sources send one after the other. Raises Rejected."""
    if not isinstance(item, dict):
        raise Rejected("", "must be an object")
    status = item.get("status")
    if status not in ("firing", "resolved"):
        raise Rejected("status", "is required and must be firing or resolved")
    labels = item.get("labels")
    if not isinstance(labels, dict):
        raise Rejected("labels", "is required and must be an object")
    name, fingerprint = labels.get("alertname"), item.get("fingerprint")
    is_test = source == "grafana" and name == _TEST_NAME
    return build_alert(
        source,
        name,
        labels,
        is_firing=status == "firing",
        identity=fingerprint if isinstance(fingerprint, str) and fingerprint else None,
        summary=_find_summary(item.get("annotations"), ("summary", "title", "description", "message")),
        starts_at=read_time(item.get("startsAt")),
        changed_at=now,
        expires_at=now + (_TEST_LASTS if is_test else _REPEATED_WITHIN) if status == "firing" else None,
    )


def _find_summary(annotations: Any, names: Sequence[str]) -> str | None:
    if not isinstance(annotations, dict):
        return None
    return next((annotations[name] for name in names if isinstance(annotations.get(name), str) and annotations[name]), None)
