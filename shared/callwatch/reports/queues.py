"""The product's queues alone, as health reads them: apart from the rest, whose parts take longer to import."""

from collections.abc import Callable
from datetime import datetime

from callwatch.db import product_connection
from callwatch.db.connect import AnyConnection
from callwatch.exceptions import DatabaseUnavailable
from callwatch.pipeline.measure import Measured
from callwatch.pipeline.queues import measure_queues
from callwatch.pipeline.stage_file import get_stages
from callwatch.reports.health import PRODUCT_DOWN
from callwatch.settings import Settings
from callwatch.tracker.measuring import capture_measuring


class Unread(Measured):
    """A product whose database does not answer: every figure is unknown for that reason."""

    def why(self, *_names: str) -> str:
        """That the database does not answer."""
        return PRODUCT_DOWN


def read_queues(settings: Settings, now: datetime) -> Measured:
    """The figures of the queues; where the product's database does not answer none is known."""
    stages = get_stages(settings.stages_file)
    return read_with(settings, now, lambda conn: measure_queues(conn, now, settings.timezone, stages))


def read_with(settings: Settings, now: datetime, measure: Callable[[AnyConnection], Measured]) -> Measured:
    """What `measure` reads; an error met on the way is captured as ours."""
    try:
        with product_connection() as conn:
            measured = measure(conn)
    except DatabaseUnavailable:
        return Unread(now, settings.timezone)
    capture_measuring(measured.errors)
    return measured
