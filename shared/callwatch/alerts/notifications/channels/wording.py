"""Renderings that several channels share: headline, rows of figures, links, times."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from callwatch.alerts.notifications.notification import Notification, list_labels
from callwatch.alerts.notifications.rendering import render_first_line, render_notes
from callwatch.alerts.rules.metrics import format_figure

WORDS = {
    "alert.firing": "FIRING",
    "alert.resolved": "RESOLVED",
    "alert.ended": "ENDED",
    "alert.acknowledged": "ACKNOWLEDGED",
    "alert.test": "TEST",
}
_MAX_ROWS = 12
_MAX_VALUE = 300


class Row(NamedTuple):
    """One row of a notification; `at` is set if the value is a time, which a channel may format itself."""

    name: str
    value: str
    at: datetime | None = None


def find_word(notification: Notification) -> str:
    """FIRING, RESOLVED, ENDED, ACKNOWLEDGED or TEST, so that color is never the only sign."""
    return WORDS[notification.look]


def render_headline(notification: Notification) -> str:
    """Render a subject or lock screen line: the state, the rule, and its labels."""
    # Other monitors send the level as a label, too.
    about = ", ".join(str(value) for _name, value in list_labels(notification.labels) if value != notification.level)
    title = f"[{find_word(notification)}] {notification.title}{': ' + about if about else ''}"
    return flatten_text(f"{title} ({read_level(notification)})")


def render_lead(notification: Notification) -> str:
    """Render the first line: what is wrong, and the measured value."""
    return render_first_line(notification)


def list_notes(notification: Notification) -> list[str]:
    """Render the lines below the first: recent changes, related alerts. The start is in the rows."""
    return render_notes(notification)


def render_rows(notification: Notification, timezone: str) -> list[Row]:
    """List names and values: measured, threshold, start, duration, and each label."""
    rows = [*_render_figures(notification), Row("Since", format_local_time(notification.since, timezone), notification.since)]
    if notification.kind == "alert.resolved":
        rows.append(Row("Lasted", format_duration(notification.at - notification.since)))
    rows += [Row(name.replace("_", " ").capitalize(), str(value)) for name, value in list_labels(notification.labels)]
    return [row._replace(value=flatten_text(row.value)[:_MAX_VALUE]) for row in rows[:_MAX_ROWS]]


def _render_figures(notification: Notification) -> list[Row]:
    """List value and threshold with their unit; none for a group or a yes/no metric, where they say nothing."""
    unit = notification.unit
    if notification.members or unit == "yes":
        return []
    threshold = format_figure(notification.threshold, unit)
    return [
        Row("Last measured" if notification.look == "alert.ended" else "Measured", format_figure(notification.value, unit)),
        Row("Threshold", threshold),
    ]


def read_level(notification: Notification) -> str:
    """Render the level, with "was" once resolved."""
    return f"was {notification.level}" if notification.kind == "alert.resolved" else notification.level


def list_links(notification: Notification) -> list[tuple[str, str]]:
    """List texts and addresses; none without an APP_URL."""
    links = [("Dashboard", notification.dashboard_url), ("Runbook", notification.runbook_url), ("Take it", notification.take_url)]
    return [(text, address) for text, address in links if address.startswith(("https://", "http://"))]


def list_short_links(notification: Notification, max_characters: int = 1000) -> list[tuple[str, str]]:
    """List the links whose address a channel can carry."""
    return [(text, address) for text, address in list_links(notification) if len(address) <= max_characters]


def render_plain_text(notification: Notification, timezone: str, has_headline: bool = True) -> str:
    """Render the whole text for people: the first line comes first, for watches and lock screens."""
    rows = [f"{row.name}: {row.value}" for row in render_rows(notification, timezone)]
    links = [f"{text}: {address}" for text, address in list_links(notification)]
    first = [render_headline(notification)] if has_headline else []
    paragraphs = [[*first, render_lead(notification), *list_notes(notification)], rows, links]
    return "\n\n".join("\n".join(lines) for lines in paragraphs if lines)


def add_link(text: str, links: Sequence[tuple[str, str]], max_characters: int) -> str:
    """Cut the text to at most `max_characters`; if it is cut, it ends in the link to the rest."""
    if len(text) <= max_characters:
        return text
    rest = f"\n… the rest: {links[0][1]}" if links else "…"
    return text[: max(0, max_characters - len(rest))] + rest


def fit_text(text: str, links: Sequence[tuple[str, str]], most: int, measure: Callable[[str], int]) -> str:
    """Cut the text to at most `most` by a channel's own measure, of which a character has four or fewer."""
    max_characters = most
    while (size := measure(fitted := add_link(text, links, max_characters))) > most:
        max_characters -= max(1, (size - most) // 4)
    return fitted


def count_bytes(text: str) -> int:
    """Count the bytes of a text in UTF-8."""
    return len(text.encode())


def format_local_time(when: datetime, timezone: str) -> str:
    """Format a time in the owner's zone: "Tue 24 Nov, 20:26 UTC"."""
    return f"{when.astimezone(ZoneInfo(timezone)):%a %d %b, %H:%M %Z}"


def format_duration(lasted: timedelta) -> str:
    """Format a duration: "45 s", "12 min", "3 h 5 min", "2 d 4 h"."""
    seconds = max(0, round(lasted.total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min"
    if seconds < 86400:
        return f"{seconds // 3600} h {seconds % 3600 // 60} min"
    return f"{seconds // 86400} d {seconds % 86400 // 3600} h"


def flatten_text(text: str) -> str:
    """Remove line breaks and other control characters."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())


def shorten(text: str, max_characters: int) -> str:
    """Cut the text to at most `max_characters`, ending in "…" if cut."""
    return text if len(text) <= max_characters else text[: max_characters - 1] + "…"
