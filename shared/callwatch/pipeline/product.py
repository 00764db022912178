"""The whole reading of a product: its stages, and the parts beside them."""

from collections.abc import Iterator
from datetime import datetime

from callwatch.db.connect import AnyConnection
from callwatch.pipeline.completeness import availability_reading, completeness_readings, usual_availability_reading
from callwatch.pipeline.crons import heartbeats_reading
from callwatch.pipeline.freshness import first_readings, scan_reading, take_scan, window_readings, windows_of
from callwatch.pipeline.indexes import indexes_reading, without_index
from callwatch.pipeline.measure import Measured, Wanted, read
from callwatch.pipeline.readings import Reading, readings_of
from callwatch.pipeline.stage import StageFile
from callwatch.pipeline.syncs import syncs_reading
from callwatch.pipeline.vendors import vendor_readings
from callwatch.pipeline.webhooks import webhooks_reading


def measure(
    conn: AnyConnection, now: datetime, timezone: str, stages: StageFile, wanted: Wanted = lambda _name: True
) -> Measured:
    """The figures of a product at `now` on one read-only connection; wanted: which of them, by the name of a reading.

    Raises DatabaseUnavailable where the connection breaks.
    """
    measured = Measured(now, timezone)
    freshness = stages.parts.get("freshness")
    read(conn, indexes_reading(stages), measured)
    scanned = without_index(stages, measured)
    read(conn, [reading for reading in all_readings(stages) if wanted(reading.name)], measured, scanned)
    windows = windows_of(measured) if freshness and wanted("freshness") else {}
    if freshness and windows and freshness["table"] in scanned:
        read(conn, [scan_reading(freshness, windows)], measured)
        take_scan(measured, windows)
    elif freshness and windows:
        read(conn, window_readings(freshness, windows), measured)
    conn.rollback()
    return measured


def all_readings(stages: StageFile) -> Iterator[Reading]:
    """Every statement of a product, apart from those that earlier ones must precede."""
    for stage in stages.stages:
        yield from readings_of(stage)
    parts = stages.parts
    if "freshness" in parts:
        yield from first_readings(parts["freshness"])
    if "availability" in parts:
        yield availability_reading(parts["availability"])
        yield usual_availability_reading(parts["availability"])
    if "completeness" in parts:
        yield from completeness_readings(parts["completeness"])
    if "heartbeats" in parts:
        yield heartbeats_reading(parts["heartbeats"])
    if "webhooks" in parts:
        yield webhooks_reading(parts["webhooks"])
    if "syncs" in parts:
        yield syncs_reading(parts["syncs"])
    for vendor in stages.vendors:
        yield from vendor_readings(vendor)


_NOT_IN_CYCLE = ("total", "completed_today", "failed", "duration", "duration_24h", "retry", "failed_last_hour")


def of_stages(stages: StageFile) -> Wanted:
    """What status and the metrics of jobs show: the stages, and how many items came in."""
    names = {stage.name for stage in stages.stages}
    return lambda name: name.partition(".")[0] in names or name == "freshness.last_hour"


def of_cycle(stages: StageFile) -> Wanted:
    """What rules are judged by, and what is kept for the charts: all but the figures that are only shown."""
    names = {stage.name for stage in stages.stages}
    return lambda name: not (name.partition(".")[0] in names and name.rpartition(".")[2] in _NOT_IN_CYCLE)
