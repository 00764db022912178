"""All readings of a product: its stages, and the other parts of the stage file."""

import functools
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from callwatch.db.core.connect import AnyConnection
from callwatch.pipeline.completeness import (
    build_availability_reading,
    build_completeness_readings,
    build_usual_availability_reading,
)
from callwatch.pipeline.crons import build_heartbeats_reading
from callwatch.pipeline.freshness import list_windows
from callwatch.pipeline.freshness_readings import (
    DAYS,
    build_days_reading,
    build_first_readings,
    build_window_readings,
    take_scan,
)
from callwatch.pipeline.freshness_readings import scan_reading as scan_windows
from callwatch.pipeline.indexes import build_indexes_readings, find_without_index
from callwatch.pipeline.queries.query_runner import BUDGET_S, Measured, Wanted, read
from callwatch.pipeline.queries.reading import Reading
from callwatch.pipeline.queries.spellings import list_spelling_censuses
from callwatch.pipeline.queries.stage import StageFile
from callwatch.pipeline.queries.stage_readings import list_readings
from callwatch.pipeline.queries.states import list_values
from callwatch.pipeline.syncs import sync_readings
from callwatch.pipeline.tenants.names import read_names
from callwatch.pipeline.tenants.silence import (
    NAMES,
    SILENT,
    build_steps_reading,
    count_by_tenant,
    find_silent,
    list_steps,
    scan_reading,
)
from callwatch.pipeline.tenants.silence import take_scan as take_tenant_scan
from callwatch.pipeline.vendors import build_vendor_readings
from callwatch.pipeline.webhooks import build_webhook_readings


def measure(
    conn: AnyConnection,
    now: datetime,
    timezone: str,
    stages: StageFile,
    wanted: Wanted = lambda _name: True,
    budget_s: float = BUDGET_S,
) -> Measured:
    """The figures of a product at `now` on one read-only connection; wanted: selects readings by name.

    budget_s: after which what was not read is unknown. Raises DatabaseUnavailable if the connection breaks.
    """
    measured = Measured(now, timezone, deadline=time.monotonic() + budget_s)
    freshness = stages.parts.get("freshness")
    read(conn, build_indexes_readings(stages), measured)
    scanned = find_without_index(stages, measured)
    read(conn, _select(build_all_readings(stages), wanted), measured, scanned)
    unlisted = [list_values(stage) for stage in stages.stages if measured.get(f"{stage.name}.unlisted")]
    if unlisted:
        read(conn, unlisted, measured)
    if freshness and wanted(DAYS):
        is_scanned = freshness["table"] in scanned
        read(conn, [build_days_reading(freshness, now, ZoneInfo(timezone), is_scanned)], measured)
    windows = list_windows(measured) if freshness and wanted("freshness") else {}
    if freshness and windows and freshness["table"] in scanned:
        read(conn, [scan_windows(freshness, windows)], measured)
        take_scan(measured, windows)
    elif freshness and windows:
        read(conn, build_window_readings(freshness, windows), measured)
    if freshness and windows:
        _measure_tenants(conn, stages, measured, freshness["table"] in scanned)
    conn.rollback()
    return measured


def _select(readings: Sequence[Reading], wanted: Wanted) -> list[Reading]:
    """The wanted readings, and the censuses without which nobody could tell that one of them is unknown."""
    chosen = {reading.name for reading in readings if wanted(reading.name)}
    chosen |= {name for reading in readings if reading.name in chosen for name in (*reading.doubts, *reading.empty_doubts)}
    return [reading for reading in readings if chosen & reading.names]


def _measure_tenants(conn: AnyConnection, stages: StageFile, measured: Measured, is_scanned: bool) -> None:
    """Count the items of each tenant, and read the names of silent ones: at most two statements, however many tenants."""
    items, freshness = stages.parts.get("items"), stages.parts["freshness"]
    if items is None or "tenant" not in items or items["table"] != freshness["table"]:
        return
    steps = list_steps(measured)
    if not steps:
        return
    read(conn, [(scan_reading if is_scanned else build_steps_reading)(items, freshness, steps)], measured)
    if SILENT not in measured.rows:
        return
    if is_scanned:
        take_tenant_scan(measured, steps)
    silent = find_silent(count_by_tenant(measured.rows[SILENT], [len(days) for days in steps]))
    names, _why = read_names(conn, measured.at, stages, [silence.tenant for silence in silent])
    measured.rows[NAMES] = [{"id": tenant, "label": name} for tenant, name in names.items()]


@functools.lru_cache(maxsize=4)
def build_all_readings(stages: StageFile) -> tuple[Reading, ...]:
    """Every statement of a product, except those that earlier statements must precede; composed once per process."""
    return tuple(_compose_readings(stages))


def _compose_readings(stages: StageFile) -> Iterator[Reading]:
    yield from list_spelling_censuses(stages)
    for stage in stages.stages:
        yield from list_readings(stage)
    parts = stages.parts
    if "freshness" in parts:
        yield from build_first_readings(parts["freshness"])
    if "availability" in parts:
        yield build_availability_reading(parts["availability"])
        yield build_usual_availability_reading(parts["availability"])
    if "completeness" in parts:
        yield from build_completeness_readings(parts["completeness"])
    if "heartbeats" in parts:
        yield build_heartbeats_reading(parts["heartbeats"])
    if "webhooks" in parts:
        yield from build_webhook_readings(parts["webhooks"])
    if "syncs" in parts:
        yield from sync_readings(parts["syncs"])
    for vendor in stages.vendors:
        yield from build_vendor_readings(vendor)


_NOT_IN_CYCLE = ("total", "completed_today", "failed", "duration", "duration_24h", "retry", "failed_last_hour")


def select_for_stages(stages: StageFile) -> Wanted:
    """The figures for status and job metrics: the stages, and how many items arrived."""
    names = {stage.name for stage in stages.stages}
    return lambda name: name.partition(".")[0] in names or name == "freshness.last_hour"


def select_for_cycle(stages: StageFile) -> Wanted:
    """The figures for rules and charts: all except those that are only shown."""
    names = {stage.name for stage in stages.stages}
    return lambda name: not (name.partition(".")[0] in names and name.rpartition(".")[2] in _NOT_IN_CYCLE)


def list_cycle_readings(stages: StageFile) -> list[Reading]:
    """The readings of a cycle whose figures someone may rely on: without censuses, and without what is not recorded."""
    wanted = select_for_cycle(stages)
    return [each for each in build_all_readings(stages) if wanted(each.name) and each.none is None and each.census is None]
