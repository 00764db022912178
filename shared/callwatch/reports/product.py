"""The watched product as the reports read it."""

from datetime import datetime

from callwatch.pipeline.measure import Measured, Wanted
from callwatch.pipeline.product import measure
from callwatch.pipeline.stage_file import get_stages
from callwatch.reports.queues import read_with
from callwatch.settings import Settings


def read_product(settings: Settings, now: datetime, wanted: Wanted = lambda _name: True) -> Measured:
    """The product's figures; where its database does not answer none is known."""
    stages = get_stages(settings.stages_file)
    return read_with(settings, now, lambda conn: measure(conn, now, settings.timezone, stages, wanted))
