"""The forecasts of a cycle: backlogs by their trend, and quotas by the course of earlier days."""

from datetime import datetime
from zoneinfo import ZoneInfo

from callwatch.db.core.connect import AnyConnection
from callwatch.models.reason import Reason
from callwatch.models.sample import Sample
from callwatch.pipeline.forecasts.outlook import read_outlooks
from callwatch.pipeline.forecasts.quotas import list_quotas, read_quotas
from callwatch.pipeline.forecasts.samples import list_backlog_samples, list_quota_samples
from callwatch.pipeline.stage_file import get_stages
from callwatch.settings import get_settings


def read_backlog_samples(conn: AnyConnection, now: datetime) -> list[Sample]:
    """forecast.backlog_s, from the stored depths of the stages."""
    settings = get_settings()
    return list_backlog_samples(read_outlooks(conn, get_stages(settings.stages_file), now, ZoneInfo(settings.timezone)))


def read_quota_samples(conn: AnyConnection, now: datetime, why: Reason | None) -> list[Sample]:
    """forecast.quota_s, from the stored use by hour. why: why today's use is unknown."""
    settings = get_settings()
    zone, quotas = ZoneInfo(settings.timezone), list_quotas(settings, get_stages(settings.stages_file))
    return list_quota_samples(read_quotas(conn, quotas, now, zone, why), now, zone) if quotas else []
