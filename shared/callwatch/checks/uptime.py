"""Uptime by service: the percentage of probes that would have served a client, over windows and UTC days.

Each probe counts by its own outcome, not by the status after several probes. A window that was observed for less than
90 % of its time has no uptime.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, TypedDict

from callwatch.db.core.connect import AnyConnection
from callwatch.db.queries.check_results import UptimeShares, read_uptime_days_since, read_uptime_since
from callwatch.models.reason import Reason

if TYPE_CHECKING:
    from callwatch.models.shapes.uptime import ServiceUptime, UptimeDay

WINDOWS = {
    "24h": timedelta(days=1),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
    "90d": timedelta(days=90),
}
DAYS = 90
MIN_WATCHED_PERCENT = 90.0
_DAY = timedelta(days=1)


class _Shares(TypedDict):
    """Percentages: probes that succeeded, those that succeeded in a degraded way (a part of uptime), and the watched time
    outside of maintenance; maintenance: its share of the time.
    """

    uptime: float | None
    degraded: float | None
    watched: float
    maintenance: float


def read_uptime(
    conn: AnyConnection, services: Iterable[str], now: datetime
) -> tuple[dict[str, ServiceUptime], dict[str, Reason]]:
    """Return services with their windows and 90 days, oldest first, and the reasons of unknown values.

    Times with unknown results were not observed. Services that are no longer checked come last.
    """
    first = now.astimezone(UTC).date() - timedelta(days=DAYS - 1)
    days = {(row["service"], row["day"]): row for row in read_uptime_days_since(conn, datetime.combine(first, time(), UTC), now)}
    begins = {name: now - span for name, span in WINDOWS.items()}
    windows = {(row["service"], row["since"]): row for row in read_uptime_since(conn, list(begins.values()), now)}
    report: dict[str, ServiceUptime] = {}
    unknown: dict[str, Reason] = {}
    for service in dict.fromkeys([*services, *sorted(service for service, _since in windows)]):
        path = f"services.{service}"
        shares = {name: _read_shares(windows.get((service, begins[name])), span) for name, span in WINDOWS.items()}
        for name, found in shares.items():
            unknown |= _explain(path, found, f"_{name}")
        shown: list[UptimeDay] = []
        for index in range(DAYS):
            day = first + timedelta(days=index)
            row = days.get((service, day))
            found = _read_shares(row, _measure_elapsed(day, now))
            shown.append({"date": day, **found, "status": (row["worst"] if row else None) or "unknown"})
            unknown |= _explain(f"{path}.days.{index}", found)
        report[service] = _build_service(shares, shown)
    return report, unknown


def _build_service(shares: Mapping[str, _Shares], days: list[UptimeDay]) -> ServiceUptime:
    return {
        "uptime_24h": shares["24h"]["uptime"],
        "uptime_7d": shares["7d"]["uptime"],
        "uptime_30d": shares["30d"]["uptime"],
        "uptime_90d": shares["90d"]["uptime"],
        "degraded_24h": shares["24h"]["degraded"],
        "degraded_7d": shares["7d"]["degraded"],
        "degraded_30d": shares["30d"]["degraded"],
        "degraded_90d": shares["90d"]["degraded"],
        "watched_24h": shares["24h"]["watched"],
        "watched_7d": shares["7d"]["watched"],
        "watched_30d": shares["30d"]["watched"],
        "watched_90d": shares["90d"]["watched"],
        "maintenance_24h": shares["24h"]["maintenance"],
        "maintenance_7d": shares["7d"]["maintenance"],
        "maintenance_30d": shares["30d"]["maintenance"],
        "maintenance_90d": shares["90d"]["maintenance"],
        "days": days,
    }


def _read_shares(row: UptimeShares | None, span: timedelta) -> _Shares:
    """Compute the shares of a span."""
    maintained_s = row["maintenance_s"] if row is not None else 0.0
    maintenance = min(100.0, _compute_percent(maintained_s, span.total_seconds()))
    if row is None or not row["checked"]:
        return {"uptime": None, "degraded": None, "watched": 0.0, "maintenance": maintenance}
    # What is left of the span is what uptime is about.
    left_s = max(span.total_seconds() - maintained_s, row["watched_s"], 1.0)
    watched = min(100.0, _compute_percent(row["watched_s"], left_s))
    if watched < MIN_WATCHED_PERCENT:
        return {"uptime": None, "degraded": None, "watched": watched, "maintenance": maintenance}
    uptime, degraded = _compute_percent(row["up"], row["checked"]), _compute_percent(row["degraded"], row["checked"])
    return {"uptime": uptime, "degraded": degraded, "watched": watched, "maintenance": maintenance}


def _explain(path: str, shares: _Shares, suffix: str = "") -> dict[str, Reason]:
    """Return why the shares are unknown; empty if they are known."""
    if shares["uptime"] is not None:
        return {}
    watched = f"{shares['watched']:g} %" if shares["watched"] else "nothing"
    if shares["maintenance"] and not shares["watched"]:
        return {f"{path}.{figure}{suffix}": Reason("none", "it was in maintenance") for figure in ("uptime", "degraded")}
    reason = Reason("not_recorded", f"{watched} of this time was observed; uptime needs at least {MIN_WATCHED_PERCENT:g} %")
    return {f"{path}.{figure}{suffix}": reason for figure in ("uptime", "degraded")}


def _measure_elapsed(day: date, now: datetime) -> timedelta:
    """Return how much of a UTC day has passed."""
    return min(_DAY, max(now - datetime.combine(day, time(), UTC), timedelta(seconds=1)))


def _compute_percent(part: float, whole: float) -> float:
    """Round down, so that 100 means all of it."""
    return math.floor(100_000 * part / whole) / 1000
