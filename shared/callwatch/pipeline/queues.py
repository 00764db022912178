"""Only the queues of a product: what health needs, with few imports and few statements."""

from datetime import datetime

from callwatch.db.core.connect import AnyConnection
from callwatch.pipeline.indexes import build_indexes_readings, find_without_index
from callwatch.pipeline.queries.query_runner import Measured, read
from callwatch.pipeline.queries.spellings import list_spelling_censuses
from callwatch.pipeline.queries.stage import StageFile
from callwatch.pipeline.queries.stage_readings import list_readings

_WANTED = ("pending", "processing", "failed", "completed_last_hour", "completed_10m", "due")


def measure_queues(conn: AnyConnection, now: datetime, timezone: str, stages: StageFile) -> Measured:
    """How much waits, is in progress, was completed and failed at `now`, and what is due, on one read-only connection.

    Raises DatabaseUnavailable if the connection breaks.
    """
    measured = Measured(now, timezone)
    readings = [reading for stage in stages.stages if stage.is_queue for reading in list_readings(stage)]
    read(conn, build_indexes_readings(stages), measured)
    shown = [reading for reading in readings if reading.name.rpartition(".")[2] in _WANTED]
    doubts = {name for reading in shown for name in reading.doubts}
    wanted = [each for each in (*list_spelling_censuses(stages), *readings) if each.names & doubts or each in shown]
    read(conn, wanted, measured, find_without_index(stages, measured))
    conn.rollback()
    return measured
