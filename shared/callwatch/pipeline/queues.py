"""The queues of a product alone: what health asks for, in few imports and few statements."""

from datetime import datetime

from callwatch.db.connect import AnyConnection
from callwatch.pipeline.indexes import indexes_reading, without_index
from callwatch.pipeline.measure import Measured, read
from callwatch.pipeline.readings import readings_of
from callwatch.pipeline.stage import StageFile

_WANTED = ("pending", "processing", "failed", "completed_last_hour", "completed_10m", "due")


def measure_queues(conn: AnyConnection, now: datetime, timezone: str, stages: StageFile) -> Measured:
    """How much waits, is being done, was completed and failed at `now`, and what is due, on one read-only connection.

    Raises DatabaseUnavailable where the connection breaks.
    """
    measured = Measured(now, timezone)
    readings = [reading for stage in stages.stages if stage.is_queue for reading in readings_of(stage)]
    read(conn, indexes_reading(stages), measured)
    wanted = [reading for reading in readings if reading.name.rpartition(".")[2] in _WANTED]
    read(conn, wanted, measured, without_index(stages, measured))
    conn.rollback()
    return measured
