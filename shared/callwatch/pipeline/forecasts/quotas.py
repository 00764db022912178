"""The outlook of each quota of the stage file: how much is used today, and when it is used up; from the stored hours."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from callwatch.db.core.connect import AnyConnection
from callwatch.db.product_queries.cost_days import HourUsage, list_hours
from callwatch.models.reason import Reason
from callwatch.pipeline.comparable import DAYS_BACK, classify_day
from callwatch.pipeline.costs.usage import compute_day_bounds
from callwatch.pipeline.forecasts.forecast import Forecast
from callwatch.pipeline.forecasts.quota import (
    MAX_DAYS,
    MIN_DAYS,
    MIN_USES,
    RECENT,
    Course,
    Today,
    forecast_quota,
    has_pace,
)
from callwatch.pipeline.queries.stage import StageFile
from callwatch.settings import Settings
from callwatch.settings.quotas import UNITS, Quota

_CALL = UNITS[-1]
_TOO_FEW = Reason("no_traffic", f"fewer than {MIN_USES} uses in the last {RECENT.seconds // 3600} h show no pace")
_NO_DAYS = Reason("not_recorded", f"fewer than {MIN_DAYS} earlier days show how use goes on from this time of the day")


@dataclass(frozen=True, slots=True)
class QuotaOutlook:
    """What is used of a quota today. exhaustion: None if it lasts the day. why: why that is unknown."""

    quota: Quota
    used: float | None
    exhaustion: Forecast | None = None
    why: Reason | None = None


def list_quotas(settings: Settings, stages: StageFile) -> Sequence[Quota]:
    """The quotas in force: those of PRICES_FILE, or of the stage file if it names none. They need to know what uses a service."""
    costs = stages.parts.get("costs")
    if costs is None:
        return ()
    return (settings.prices_file.quotas if settings.prices_file else ()) or costs.get("quotas", ())


def read_quotas(
    conn: AnyConnection, quotas: Sequence[Quota], now: datetime, zone: ZoneInfo, why: Reason | None = None
) -> list[QuotaOutlook]:
    """The outlook of each quota, by the hours of today and of the last four weeks that are stored. why: why today is unknown."""
    if why is not None:
        return [QuotaOutlook(quota, None, why=why) for quota in quotas]
    today = now.astimezone(zone).date()
    hours = list_hours(conn, today - timedelta(days=DAYS_BACK), today, sorted({quota.service for quota in quotas}))
    return [judge_quota(quota, hours, now, zone) for quota in quotas]


def judge_quota(quota: Quota, hours: Sequence[HourUsage], now: datetime, zone: ZoneInfo) -> QuotaOutlook:
    """The outlook of one quota. hours: what its service used, of today and earlier days. Pure."""
    local = now.astimezone(zone)
    models = {(row["service"], row["model"]) for row in hours}
    known = {each for each in models if quota.covers(*each)}
    covered = [row for row in hours if (row["service"], row["model"]) in known]
    counted = [row for row in covered if row["unit"] in quota.units]
    since, until = compute_day_bounds(local.date(), zone)
    used, recent = _sum_today(counted, local.date(), zone, max(since, now - RECENT))
    _all, recent_uses = _sum_today([row for row in covered if row["unit"] == _CALL], local.date(), zone, max(since, now - RECENT))
    today = Today(now, until, used, recent, round(recent_uses))
    earlier = _list_earlier(counted, local, zone)
    if used < quota.limit and today.uses < MIN_USES:
        return QuotaOutlook(quota, used, why=_TOO_FEW)
    if used < quota.limit and not has_pace(today, earlier):
        return QuotaOutlook(quota, used, why=_NO_DAYS)
    return QuotaOutlook(quota, used, forecast_quota(quota.limit, today, earlier))


def _list_earlier(rows: Sequence[HourUsage], local: datetime, zone: ZoneInfo) -> list[tuple[Course, datetime]]:
    """The courses of earlier days, each with the time of today's clock: days of the same kind, or all if those are too few."""
    by_day: dict[date, list[HourUsage]] = {}
    for row in rows:
        if row["day"] < local.date():
            by_day.setdefault(row["day"], []).append(row)
    days = sorted(by_day, reverse=True)
    alike = [day for day in days if classify_day(datetime.combine(day, local.time())) == classify_day(local)]
    chosen = (alike if len(alike) >= MIN_DAYS else days)[:MAX_DAYS]
    at = {day: datetime.combine(day, local.time(), zone).astimezone(UTC) for day in chosen}
    return [(_build_course(by_day[day], *compute_day_bounds(day, zone)), at[day]) for day in chosen]


def _sum_today(rows: Sequence[HourUsage], day: date, zone: ZoneInfo, since: datetime) -> tuple[float, float]:
    """What was used today, and since a time."""
    given = [row for row in rows if row["day"] == day]
    used = sum(row["quantity"] for row in given)
    return used, used - _build_course(given, *compute_day_bounds(day, zone)).estimate_used(since)


def _build_course(rows: Sequence[HourUsage], since: datetime, until: datetime) -> Course:
    quantities: dict[datetime, float] = {}
    for row in rows:
        quantities[row["hour"]] = quantities.get(row["hour"], 0.0) + row["quantity"]
    return Course(since.astimezone(UTC), until.astimezone(UTC), quantities)
