"""How loud an alert is, and where it is sent."""

import re
from enum import StrEnum
from typing import Literal

# The values of AlertLevel, as responses and rows hold them.
Level = Literal["info", "warning", "error", "critical"]
AlertState = Literal["firing", "resolved"]
# Why an alert ended. Only the first says that what was wrong is over.
EndReason = Literal["recovered", "no_longer_reported", "no_longer_watched", "rule_disabled", "rule_removed", "resolved_by_person"]
# The label with which a Callwatch posts its alerts to an Alertmanager: its stage.
STAGE_LABEL = "callwatch_stage"
RuleSource = Literal["built_in", "file", "page"]
RouteSource = Literal["page", "file", "default"]


class AlertLevel(StrEnum):
    """From information to a reason to wake somebody."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


def rank_level(level: str | None) -> int:
    """The rank of a level, from info upwards; None ranks below all levels."""
    return _RANKS.get(level or "", -1)


_RANKS = {level.value: rank for rank, level in enumerate(AlertLevel)}


class AlertChannel(StrEnum):
    """Where notifications go; the database stores every alert in any case."""

    LOG = "log"
    EMAIL = "email"
    WEBHOOK = "webhook"
    DATABASE = "database"
    SLACK = "slack"
    PAGERDUTY = "pagerduty"
    SNS = "sns"
    TEAMS = "teams"
    DISCORD = "discord"
    TELEGRAM = "telegram"
    NTFY = "ntfy"
    OPSGENIE = "opsgenie"
    PUSHOVER = "pushover"
    MATRIX = "matrix"
    ALERTMANAGER = "alertmanager"


# Each incident in these has its own key: a digest can neither remind of one nor resolve it.
KEYED_CHANNELS = frozenset({AlertChannel.PAGERDUTY, AlertChannel.OPSGENIE, AlertChannel.ALERTMANAGER})
# These have no settings, so there is one of each.
_ALWAYS_ONE = (AlertChannel.LOG, AlertChannel.DATABASE)


def parse_channel(given: object) -> str:
    """Return the name of a channel: a kind, or one of several of its kind such as "slack:ops". Raises ValueError."""
    kind, colon, name = str(given).partition(":")
    found = AlertChannel(kind)
    if colon and (found in _ALWAYS_ONE or not re.fullmatch(r"[a-z][a-z0-9_]{0,19}", name)):
        raise ValueError
    return str(given) if colon else found


def is_keyed(channel: str) -> bool:
    """Whether a channel, or all of its kind, opens and closes each alert by a key of its own."""
    return channel.partition(":")[0] in KEYED_CHANNELS
