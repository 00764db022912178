"""Reads the product's queues alone, for health; the other parts take longer to import."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from callwatch.client.measurement_errors import capture_measuring
from callwatch.db import product_connection
from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.unreadable import explain_product_unread
from callwatch.exceptions import DatabaseUnavailable
from callwatch.models.reason import PRODUCT_UNAVAILABLE, Reason
from callwatch.pipeline.queries.query_runner import Measured
from callwatch.pipeline.queues import measure_queues
from callwatch.pipeline.stage_file import get_stages
from callwatch.settings import Settings


@dataclass(slots=True)
class Unread(Measured):
    """A product whose database cannot be read: every figure is unknown for that reason."""

    cause: Reason = PRODUCT_UNAVAILABLE

    def explain_unknown(self, *_names: str) -> Reason:
        """Return why the database cannot be read."""
        return self.cause


def read_queues(settings: Settings, now: datetime) -> Measured:
    """Read the queues' figures; all are unknown if the product's database does not respond."""
    stages = get_stages(settings.stages_file)
    return read_with(settings, now, lambda conn: measure_queues(conn, now, settings.timezone, stages))


def read_with(settings: Settings, now: datetime, measure: Callable[[AnyConnection], Measured]) -> Measured:
    """Return what `measure` reads; captures its errors as the monitor's own."""
    try:
        with product_connection() as conn:
            measured = measure(conn)
    except DatabaseUnavailable as error:
        return Unread(now, settings.timezone, cause=explain_product_unread(error))
    capture_measuring(measured.errors)
    return measured
