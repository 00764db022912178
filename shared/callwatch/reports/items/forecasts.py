"""The forecasts of GET /api/pipeline and GET /api/metrics/costs, from stored depths and use by hour."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from callwatch.db import connection
from callwatch.db.core.unreadable import UNREAD, explain_unread
from callwatch.db.product_queries.cost_days import list_days
from callwatch.models.reason import Reason
from callwatch.pipeline.forecasts.forecast import Forecast
from callwatch.pipeline.forecasts.outlook import Outlook, read_outlooks
from callwatch.pipeline.forecasts.quotas import QuotaOutlook, list_quotas, read_quotas
from callwatch.pipeline.stage_file import get_stages
from callwatch.reports.missing_values import Unknown
from callwatch.settings import Settings

if TYPE_CHECKING:
    from callwatch.models.shapes.product.forecasts import QuotaForecast, StageForecast

_STATEMENT_MS = 3_000
_STEADY = Reason("none", "its backlog does not grow beyond chance")
_LASTS = Reason("none", "it lasts the day")
_NO_END = Reason("none", "at the slowest pace it is never reached")
_NO_QUOTAS = Reason("not_configured", "neither PRICES_FILE nor the stage file names a quota")
_NOT_COMPUTED = Reason("not_recorded", "the monitor has not computed this day")


def list_stage_forecasts(settings: Settings, now: datetime, unknown: Unknown) -> list[StageForecast] | None:
    """The forecast of each stage; None, with the reason, without a database."""
    try:
        with connection(statement_timeout_ms=_STATEMENT_MS) as conn:
            found = read_outlooks(conn, get_stages(settings.stages_file), now, ZoneInfo(settings.timezone))
    except UNREAD as error:
        return unknown.say("forecasts", None, explain_unread(error))
    return [_describe_stage(each, f"forecasts.{index}", now, unknown) for index, each in enumerate(found)]


def list_quota_forecasts(settings: Settings, now: datetime, unknown: Unknown) -> list[QuotaForecast] | None:
    """The forecast of each quota; None, with the reason, without a database or without quotas."""
    quotas = list_quotas(settings, get_stages(settings.stages_file))
    if not quotas:
        return unknown.say("quotas", None, _NO_QUOTAS)
    zone = ZoneInfo(settings.timezone)
    today = now.astimezone(zone).date()
    try:
        with connection(statement_timeout_ms=_STATEMENT_MS) as conn:
            days = list_days(conn, today, today)
            problem = next((Reason(**day["problem"]) for day in days if day["problem"]), None)
            found = read_quotas(conn, quotas, now, zone, problem if days else _NOT_COMPUTED)
    except UNREAD as error:
        return unknown.say("quotas", None, explain_unread(error))
    return [_describe_quota(each, f"quotas.{index}", now, unknown) for index, each in enumerate(found)]


def _describe_stage(outlook: Outlook, path: str, now: datetime, unknown: Unknown) -> StageForecast:
    growth, why = outlook.growth, outlook.why or _STEADY
    full_at, full_from, full_until = _list_times(outlook.forecast, path, now, unknown, why)
    return {
        "name": outlook.stage.name,
        "limit": unknown.say(f"{path}.limit", outlook.stage.limit, why),
        "growth_per_hour": unknown.say(f"{path}.growth_per_hour", round(growth.per_hour, 1) if growth else None, why),
        "full_at": full_at,
        "full_from": full_from,
        "full_until": full_until,
    }


def _describe_quota(outlook: QuotaOutlook, path: str, now: datetime, unknown: Unknown) -> QuotaForecast:
    why = outlook.why or _LASTS
    full_at, full_from, full_until = _list_times(outlook.exhaustion, path, now, unknown, why)
    return {
        "service": outlook.quota.service,
        "model": outlook.quota.model,
        "units": list(outlook.quota.units),
        "limit": outlook.quota.limit,
        "used": unknown.say(f"{path}.used", outlook.used, why),
        "full_at": full_at,
        "full_from": full_from,
        "full_until": full_until,
    }


def _list_times(
    found: Forecast | None, path: str, now: datetime, unknown: Unknown, why: Reason
) -> tuple[datetime | None, datetime | None, datetime | None]:
    """When it is full, and the earliest and the latest time of that."""
    ends = (found.seconds, found.since_s, found.until_s) if found else (None, None, None)
    times = [None if each is None else now + timedelta(seconds=round(each)) for each in ends]
    full_at, full_from, full_until = times
    return (
        unknown.say(f"{path}.full_at", full_at, why),
        unknown.say(f"{path}.full_from", full_from, why),
        unknown.say(f"{path}.full_until", full_until, _NO_END if found else why),
    )
