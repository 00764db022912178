"""The weekly report as CSV: one row per figure, for spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from callwatch.times import format_time

if TYPE_CHECKING:
    from callwatch.models.shapes.reporting.weekly import WeeklyReport

_HEAD = ("week", "section", "name", "figure", "value", "unknown_code", "unknown_message")
# A spreadsheet would run a text that begins with one of these.
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")
_SECTIONS = ("targets", "services", "requests", "pipeline", "alerts", "errors", "cost")


def render_csv(report: WeeklyReport) -> str:
    """Render the report; an unknown figure is empty, with its code and message."""
    output = io.StringIO()
    writer = csv.writer(output)
    writer.writerow(_HEAD)
    times = {"since": report["since"], "until": report["until"], "recorded_since": report["recorded_since"]}
    for figure, at in times.items():
        writer.writerow([report["week"], "week", report["timezone"], figure, format_time(at), "", ""])
    parts: Mapping[str, object] = report
    for section in _SECTIONS:
        for path, name, figure, value in _list_figures(parts[section], section, "", ""):
            reason = report["unknown"].get(path)
            why = [reason.code, reason.message] if reason else ["", ""]
            writer.writerow([report["week"], section, *map(_protect, (name, figure, value, *why))])
    return output.getvalue()


def _list_figures(value: object, path: str, name: str, figure: str) -> Iterator[tuple[str, str, str, object]]:
    """Yield path, name, figure and value of everything in a part; an entry of a list is named by its first field."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _list_figures(item, f"{path}.{key}", name, f"{figure}.{key}" if figure else str(key))
    elif isinstance(value, list):
        for place, item in enumerate(value):
            own = str(next(iter(item.values()), place)) if isinstance(item, Mapping) else str(place)
            yield from _list_figures(item, f"{path}.{place}", own, figure)
    else:
        yield path, name, figure, value


def _protect(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str):
        return value
    return f"'{value}" if value.startswith(_FORMULAS) else value
