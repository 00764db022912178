"""Checks a stage file against a database: each figure, and each column that is named, is known or unknown with its reason."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from callwatch.db.core.connect import AnyConnection
from callwatch.models.reason import Reason
from callwatch.pipeline.product import build_all_readings, measure
from callwatch.pipeline.queries.filter_dsl import Needs
from callwatch.pipeline.queries.query_runner import Measured, list_tables
from callwatch.pipeline.queries.reading import Reading
from callwatch.pipeline.queries.schema import find_faults, look
from callwatch.pipeline.queries.stage import StageFile
from callwatch.pipeline.vendors import CLASSES
from callwatch.times import format_time
from tools.stages.named_columns import list_named

# Figures that are times, and those that say which of several they are.
_TIMES = (".oldest_pending", ".due_since", ".since")
_PARTS = ("mean", "p50", "p95", *CLASSES)
# known: it was read. empty: it was read and there is nothing to count. none: the file leaves it out. replaced: its substitute
# was read. unknown: it cannot be read.
State = Literal["known", "empty", "none", "replaced", "unknown"]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table: what the file describes, where it is, and its value or why there is none."""

    what: str
    state: State
    table: str
    column: str
    why: str


def check_stages(conn: AnyConnection, now: datetime, timezone: str, stages: StageFile) -> list[Line]:
    """Every figure, then every other use of columns. Raises DatabaseUnavailable if the connection breaks."""
    measured = measure(conn, now, timezone, stages)
    readings = build_all_readings(stages)
    named = list(list_named(stages))
    tables = {table for reading in readings for table in list_tables(reading)} | {
        table for _what, needs in named for table in needs
    }
    schema = look(conn, tables)
    conn.rollback()
    lines = [
        line
        for reading in readings
        if not _is_census(reading)
        for line in _describe(reading, measured, find_faults(reading.needs, schema))
    ]
    for what, needs in named:
        lines += _describe_columns(what, needs, find_faults(needs, schema))
    return lines


def is_readable(lines: Iterable[Line]) -> bool:
    """Whether no line says that something cannot be read."""
    return all(line.state != "unknown" for line in lines)


def _describe(reading: Reading, measured: Measured, found: dict[tuple[str, str], Reason]) -> Iterator[Line]:
    tables, name = ", ".join(sorted(reading.needs)), reading.name
    names = [each for each in (*measured.values, *measured.unknown) if each == name or each.startswith(f"{name}.")]
    values = [measured.values[each] for each in names if each in measured.values]
    reasons = [measured.unknown[each] for each in names if each in measured.unknown]
    is_read = bool(values) or name in measured.rows or bool(reasons and all(_is_absence(reason) for reason in reasons))
    if reading.none:
        yield Line(name, "none", "", "", reading.none.message)
    elif found:
        state: State = "replaced" if is_read else "unknown"
        for (table, column), reason in sorted(found.items()):
            yield Line(name, state, table, column, reason.message)
    elif name in measured.rows:
        yield Line(name, "known", tables, "", f"{len(measured.rows[name]):,} rows")
    elif values:
        shown = [_render(each, measured) for each in names if each in measured.values]
        yield Line(name, "known", tables, "", ", ".join(shown))
    else:
        why = reasons[0].message if reasons else "it was not read"
        yield Line(name, "empty" if is_read else "unknown", tables, "", why)


def _is_census(reading: Reading) -> bool:
    """Whether it only counts odd rows, of which the figures that they make doubtful say so."""
    is_of_spellings = any(each.census is not None and each.census.word is not None for each in (reading, *reading.parts))
    return is_of_spellings or reading.name.rpartition(".")[2].startswith("odd")


def _render(name: str, measured: Measured) -> str:
    value = measured.values[name]
    if name.endswith(_TIMES):
        at = measured.get_time(name)
        return format_time(at) if at and value else "none"
    figure = name.rpartition(".")[2]
    return f"{figure} {value:.6g}" if figure in _PARTS else f"{value:.12g}"


def _is_absence(reason: Reason) -> bool:
    return reason.is_absence or reason.code in ("not_recorded", "not_configured")


def _describe_columns(what: str, needs: Needs, found: dict[tuple[str, str], Reason]) -> Iterator[Line]:
    if not found:
        columns = ", ".join(sorted({column for columns in needs.values() for column in columns}))
        yield Line(what, "known", ", ".join(sorted(needs)), columns, "")
    for (table, column), reason in sorted(found.items()):
        yield Line(what, "unknown", table, column, reason.message)
