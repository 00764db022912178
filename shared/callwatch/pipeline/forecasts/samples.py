"""The forecasts as samples of the rules: a sample exists where a limit is ahead, and where that is unknown."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from callwatch.models.sample import Sample
from callwatch.pipeline.forecasts.outlook import Outlook
from callwatch.pipeline.forecasts.quotas import QuotaOutlook

BACKLOG, QUOTA = "forecast.backlog_s", "forecast.quota_s"


def list_backlog_samples(outlooks: Sequence[Outlook]) -> list[Sample]:
    """forecast.backlog_s of each stage that grows; a stage without a limit has none."""
    found = []
    for each in outlooks:
        labels = {"stage": each.stage.name}
        if each.growth is not None and each.forecast is not None:
            least = _round(each.forecast.since_s)
            most = "no end" if each.forecast.until_s is None else _round(each.forecast.until_s)
            detail = (
                f"{each.growth.depth:.0f} wait, {each.growth.per_hour:.0f} more each hour: "
                f"the limit of {each.stage.limit:g} is reached in {least} to {most}"
            )
            found.append(Sample(BACKLOG, round(each.forecast.seconds), None, labels, detail))
        elif each.why is not None and each.stage.limit is not None:
            found.append(Sample(BACKLOG, None, each.why, labels))
    return found


def list_quota_samples(outlooks: Sequence[QuotaOutlook], now: datetime, zone: ZoneInfo) -> list[Sample]:
    """forecast.quota_s of each quota that does not last the day."""
    found = []
    for each in outlooks:
        labels: Mapping[str, str] = {"service": each.quota.service, "model": each.quota.model}
        if each.exhaustion is not None and each.used is not None:
            at = (now + timedelta(seconds=each.exhaustion.seconds)).astimezone(zone)
            used = f"{each.used:,.0f} of {each.quota.limit:,.0f} are used"
            detail = used if each.exhaustion.seconds == 0 else f"{used}; the rest lasts until about {at:%H:%M}"
            found.append(Sample(QUOTA, round(each.exhaustion.seconds), None, labels, detail))
        elif each.why is not None:
            # Too little use to judge the pace is no all-clear, and no gap either.
            is_quiet = each.why.code == "no_traffic"
            found.append(Sample(QUOTA, None, None if is_quiet else each.why, labels, inconclusive=each.why if is_quiet else None))
    return found


def _round(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{seconds / 3600:.1f} h"
