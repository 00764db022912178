"""Reads the watched product for the reports."""

from datetime import datetime

from callwatch.pipeline.product import measure
from callwatch.pipeline.queries.query_runner import Measured, Wanted
from callwatch.pipeline.stage_file import get_stages
from callwatch.reports.queues import read_with
from callwatch.settings import Settings

# A function has ten seconds, and more to do.
_BUDGET_S = 5.0


def read_product(settings: Settings, now: datetime, wanted: Wanted = lambda _name: True) -> Measured:
    """Read the product's metrics; all are unknown if its database does not respond."""
    stages = get_stages(settings.stages_file)
    return read_with(settings, now, lambda conn: measure(conn, now, settings.timezone, stages, wanted, _BUDGET_S))
