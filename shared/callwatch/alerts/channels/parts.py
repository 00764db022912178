"""What every rendering of a notification is made of: a headline, rows of facts, links."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from callwatch.alerts.message import figures_of

WORDS = {
    "alert.firing": "FIRING",
    "alert.resolved": "RESOLVED",
    "alert.acknowledged": "ACKNOWLEDGED",
    "alert.test": "TEST",
}
_MOST_ROWS = 12
_MOST_VALUE = 300


def word_of(payload: Mapping[str, Any]) -> str:
    """FIRING, RESOLVED, ACKNOWLEDGED or TEST: never colour alone."""
    return WORDS[payload["type"]]


def headline_of(payload: Mapping[str, Any]) -> str:
    """What fits a subject or a lock screen: the state, the rule, and what it is about."""
    data = payload["data"]
    about = ", ".join(str(value) for _name, value in sorted(data["labels"].items()))
    return one_line(f"[{word_of(payload)}] {data['title']}{': ' + about if about else ''} ({data['level']})")


def rows_of(payload: Mapping[str, Any], timezone: str) -> list[tuple[str, str]]:
    """Names and values: measured, threshold, since when, for how long, and each label."""
    data = payload["data"]
    measured, threshold = figures_of(data)
    rows = [("Measured", measured), ("Threshold", threshold)]
    rows.append(("Since", time_text(data["since"], timezone)))
    if payload["type"] == "alert.resolved":
        rows.append(("Lasted", duration_text(data["since"], payload["timestamp"])))
    rows += [(name.replace("_", " ").capitalize(), str(value)) for name, value in sorted(data["labels"].items())]
    return [(name, one_line(value)[:_MOST_VALUE]) for name, value in rows[:_MOST_ROWS]]


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
