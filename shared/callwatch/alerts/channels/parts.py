"""What every rendering of a notification is made of: a headline, rows of facts, links."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from callwatch.alerts.builtin import RULES
from callwatch.alerts.message import told_labels
from callwatch.alerts.metrics import METRICS, figure

WORDS = {
    "alert.firing": "FIRING",
    "alert.resolved": "RESOLVED",
    "alert.acknowledged": "ACKNOWLEDGED",
    "alert.test": "TEST",
}
# How the message says since when.
_SINCE = ("Since ", "It began ")
_MOST_ROWS = 12
_MOST_VALUE = 300


def word_of(payload: Mapping[str, Any]) -> str:
    """FIRING, RESOLVED, ACKNOWLEDGED or TEST: never colour alone."""
    return WORDS[payload["type"]]


def headline_of(payload: Mapping[str, Any]) -> str:
    """What fits a subject or a lock screen: the state, the rule, and what it is about."""
    data = payload["data"]
    about = ", ".join(str(value) for _name, value in sorted(data["labels"].items()) if value)
    return one_line(f"[{word_of(payload)}] {data['title']}{': ' + about if about else ''} ({level_of(payload)})")


def lead_of(payload: Mapping[str, Any]) -> str:
    """The message's first line: what is wrong, and the measured value."""
    return str(payload["data"]["message"]).partition("\n")[0]


def notes_of(payload: Mapping[str, Any]) -> list[str]:
    """The message's further lines: what changed lately, what is related. Since when stands in the rows."""
    lines = [line.strip() for line in str(payload["data"]["message"]).split("\n")[1:]]
    return [line for line in lines if line and not line.startswith(_SINCE)]


def rows_of(payload: Mapping[str, Any], timezone: str) -> list[tuple[str, str]]:
    """Names and values: measured, threshold, since when, for how long, and each label."""
    data = payload["data"]
    rows = [*_figures_of(data), ("Since", time_text(data["since"], timezone))]
    if payload["type"] == "alert.resolved":
        rows.append(("Lasted", duration_text(data["since"], payload["timestamp"])))
    rows += [(name.replace("_", " ").capitalize(), str(value)) for name, value in told_labels(data["labels"])]
    return [(name, one_line(value)[:_MOST_VALUE]) for name, value in rows[:_MOST_ROWS]]


def _figures_of(data: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Value and threshold with their unit, where the rule is a built-in one; of a yes or no only where the lead has neither."""
    rule = next((rule for rule in RULES if rule.id == data["rule_id"]), None)
    conditions = rule.all_conditions() if rule else ()
    metric = next((condition.metric for condition in conditions if condition.threshold == data["threshold"]), None)
    if metric is not None and metric in METRICS and METRICS[metric].unit == "yes":
        if "measured " in str(data["message"]).partition("\n")[0]:
            return []
        metric = None
    return [("Measured", figure(data["value"], metric)), ("Threshold", figure(data["threshold"], metric))]


def level_of(payload: Mapping[str, Any]) -> str:
    """How loud it is, or was."""
    level = str(payload["data"]["level"])
    return f"was {level}" if payload["type"] == "alert.resolved" else level


def links_of(payload: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Texts and addresses; without an APP_URL there is nowhere to link to."""
    links = [("Dashboard", payload["data"]["dashboard_url"]), ("Runbook", payload["data"]["runbook_url"])]
    return [(text, address) for text, address in links if address.startswith(("https://", "http://"))]


def time_text(iso_time: str, timezone: str) -> str:
    """A time in the owners' zone: "Tue 24 Nov, 20:26 UTC"."""
    return f"{datetime.fromisoformat(iso_time).astimezone(ZoneInfo(timezone)):%a %d %b, %H:%M %Z}"


def duration_text(start: str, end: str) -> str:
    """The time between: "45 s", "12 min", "3 h 5 min", "2 d 4 h"."""
    seconds = max(0, round((datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min"
    if seconds < 86400:
        return f"{seconds // 3600} h {seconds % 3600 // 60} min"
    return f"{seconds // 86400} d {seconds % 86400 // 3600} h"


def one_line(text: str) -> str:
    """Without line breaks and other control characters."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())


def shortened(text: str, most: int) -> str:
    """At most so many characters, and a sign where some are missing."""
    return text if len(text) <= most else text[: most - 1] + "…"
