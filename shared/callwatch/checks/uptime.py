"""Uptime by service: percent of checked minutes in which it was up, over windows and UTC days."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

WINDOWS = {"uptime_24h": 1, "uptime_7d": 7, "uptime_30d": 30, "uptime_90d": 90}
DAYS = 90
_WORST = {"unhealthy": 2, "degraded": 1, "healthy": 0}


def uptime_report(
    rows: Iterable[Mapping[str, Any]], services: Iterable[str], now: datetime
) -> tuple[dict[str, Any], dict[str, str]]:
    """Services with their windows and 90 days, oldest first; and the reasons of what is not known.

    rows: service, hour, checked, up, worst. Minutes in which nothing was known count for nothing.
    """
    by_service: dict[str, list[Mapping[str, Any]]] = {service: [] for service in services}
    for row in rows:
        by_service.setdefault(row["service"], []).append(row)
    report: dict[str, Any] = {}
    unknown: dict[str, str] = {}
    for service, hours in by_service.items():
        entry: dict[str, Any] = {}
        for name, days in WINDOWS.items():
            since = now - timedelta(days=days)
            entry[name] = _percent([row for row in hours if row["hour"] >= since])
            if entry[name] is None:
                unknown[f"services.{service}.{name}"] = "it was not checked in the window"
        entry["days"] = []
        for index in range(DAYS):
            day = now.astimezone(UTC).date() - timedelta(days=DAYS - 1 - index)
            shown = _day(day, [row for row in hours if row["hour"].astimezone(UTC).date() == day])
            entry["days"].append(shown)
            if shown["uptime"] is None:
                unknown[f"services.{service}.days.{index}.uptime"] = "it was not checked on this day"
        report[service] = entry
    return report, unknown


def _day(day: date, hours: list[Mapping[str, Any]]) -> dict[str, Any]:
    worst = max((row["worst"] for row in hours), key=lambda word: _WORST[word], default="unknown")
    return {"date": day.isoformat(), "uptime": _percent(hours), "status": worst}


def _percent(hours: list[Mapping[str, Any]]) -> float | None:
    checked = sum(row["checked"] for row in hours)
    return round(100 * sum(row["up"] for row in hours) / checked, 3) if checked else None
