"""Uptime by service: percent of checked minutes in which it was up, over windows and UTC days."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any

from callwatch.db.check_results import uptime_days_since, uptime_since
from callwatch.db.connect import AnyConnection

WINDOWS = {
    "uptime_24h": timedelta(days=1),
    "uptime_7d": timedelta(days=7),
    "uptime_30d": timedelta(days=30),
    "uptime_90d": timedelta(days=90),
}
DAYS = 90


def uptime(conn: AnyConnection, services: Iterable[str], now: datetime) -> tuple[dict[str, Any], dict[str, str]]:
    """Services with their windows and 90 days, oldest first; and the reasons of what is not known.

    Minutes in which nothing was known count for nothing. Services that were checked once and are no more come last.
    """
    first = now.astimezone(UTC).date() - timedelta(days=DAYS - 1)
    days = {(row["service"], row["day"]): row for row in uptime_days_since(conn, datetime.combine(first, time(), UTC))}
    begins = {name: now - span for name, span in WINDOWS.items()}
    windows = {(row["service"], row["since"]): row for row in uptime_since(conn, list(begins.values()))}
    report: dict[str, Any] = {}
    unknown: dict[str, str] = {}
    for service in dict.fromkeys([*services, *sorted(service for service, _since in windows)]):
        entry: dict[str, Any] = {}
        for name, since in begins.items():
            entry[name] = _percent(windows.get((service, since)))
            if entry[name] is None:
                unknown[f"services.{service}.{name}"] = "it was not checked in the window"
        entry["days"] = []
        for index in range(DAYS):
            day = first + timedelta(days=index)
            row = days.get((service, day))
            entry["days"].append({"date": day, "uptime": _percent(row), "status": row["worst"] if row else "unknown"})
            if row is None:
                unknown[f"services.{service}.days.{index}.uptime"] = "it was not checked on this day"
        report[service] = entry
    return report, unknown


def _percent(row: Mapping[str, Any] | None) -> float | None:
    return round(100 * row["up"] / row["checked"], 3) if row and row["checked"] else None
