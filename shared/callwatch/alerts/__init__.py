"""Alerting: rules over facts, a pure evaluation, an outbox, channels."""

from callwatch.alerts.manager import alert_manager
from callwatch.alerts.rule import AlertRule, Condition
from callwatch.models.alert import AlertChannel, AlertLevel

__all__ = ["AlertChannel", "AlertLevel", "AlertRule", "Condition", "alert_manager"]
