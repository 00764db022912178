"""How loud an alert is, and where it is told."""

from enum import StrEnum


class AlertLevel(StrEnum):
    """From what is good to know to what wakes somebody."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


class AlertChannel(StrEnum):
    """Where notifications go; the database keeps every alert anyway."""

    LOG = "log"
    EMAIL = "email"
    WEBHOOK = "webhook"
    DATABASE = "database"
    SLACK = "slack"
    PAGERDUTY = "pagerduty"
    SNS = "sns"
