"""GET /api/uptime."""

from datetime import date, datetime
from typing import TypedDict

from callwatch.models.check import Status as CheckStatus
from callwatch.models.shapes.unknown import Known


class UptimeDay(TypedDict):
    """One UTC day, in percent: probes that succeeded, probes that succeeded in a degraded way, and the watched share of the
    time.
    """

    date: date
    uptime: float | None
    degraded: float | None
    watched: float
    maintenance: float
    status: CheckStatus


class ServiceUptime(TypedDict):
    """In percent. uptime: probes that succeeded; null if under 90 % of the time was watched.

    degraded: the part of them that was slow or rate limited. watched: the share of the time that probes cover,
    without maintenance, which is neither up nor down; maintenance: its share of the time.
    """

    uptime_24h: float | None
    uptime_7d: float | None
    uptime_30d: float | None
    uptime_90d: float | None
    degraded_24h: float | None
    degraded_7d: float | None
    degraded_30d: float | None
    degraded_90d: float | None
    watched_24h: float
    watched_7d: float
    watched_30d: float
    watched_90d: float
    maintenance_24h: float
    maintenance_7d: float
    maintenance_30d: float
    maintenance_90d: float
    days: list[UptimeDay]


class UptimeReport(Known):
    """GET /api/uptime."""

    timestamp: datetime
    services: dict[str, ServiceUptime]
