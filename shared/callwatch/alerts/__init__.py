"""Alerting: rules over samples, a pure evaluation, an outbox, channels."""

from callwatch.alerts.rules.manager import alert_manager
from callwatch.alerts.rules.rule import AlertRule, Condition
from callwatch.models.alert import AlertChannel, AlertLevel

__all__ = ["AlertChannel", "AlertLevel", "AlertRule", "Condition", "alert_manager"]
