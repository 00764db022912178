"""Reads the product's tables, looking before it reads: what cannot be read is unknown, with its reason, by itself."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import psycopg2

from callwatch.db import fetch_all
from callwatch.db.connect import AnyConnection
from callwatch.models.facts import Fact
from callwatch.pipeline.figures import FIGURES, Figure

_COLUMNS = """
    SELECT table_name, column_name FROM information_schema.columns
    WHERE table_schema = ANY (current_schemas(false)) AND table_name = ANY (%s)
"""


STAGES = ("recordings", "transcriptions", "analyses")


@dataclass(slots=True)
class Measured:
    """Figures by name; a name stands either in `values` or, with its reason, in `unknown`.

    drift: (table, column or "") that a figure needs and the product has not.
    """

    at: datetime
    values: dict[str, float] = field(default_factory=dict)
    unknown: dict[str, str] = field(default_factory=dict)
    drift: set[tuple[str, str]] = field(default_factory=set)

    def get(self, name: str) -> float | None:
        """The figure, or None where it is unknown."""
        return self.values.get(name)

    def count(self, name: str) -> int | None:
        """The figure as a whole number, or None."""
        value = self.values.get(name)
        return None if value is None else round(value)

    def why(self, *names: str) -> str:
        """Why the first unknown one of these figures is unknown."""
        return next((self.unknown[name] for name in names if name in self.unknown), "not measured")


def measure(conn: AnyConnection, now: datetime, timezone: str, figures: Sequence[Figure] = FIGURES) -> Measured:
    """All figures on one read-only connection. Raises DatabaseUnavailable where the connection breaks."""
    measured = Measured(now)
    tables = {table for figure in figures for table in figure.needs}
    present: dict[str, set[str]] = {}
    for row in fetch_all(conn, _COLUMNS, (sorted(tables),)):
        present.setdefault(row["table_name"], set()).add(row["column_name"])
    for figure in figures:
        missing = _missing(figure, present)
        if missing:
            measured.drift |= missing
            measured.unknown[figure.name] = "; ".join(_reason(table, column) for table, column in sorted(missing))
        else:
            _read(conn, figure, timezone, measured)
    conn.rollback()
    return measured


def _missing(figure: Figure, present: dict[str, set[str]]) -> set[tuple[str, str]]:
    missing = set()
    for table, columns in figure.needs.items():
        if table not in present:
            missing.add((table, ""))
        else:
            missing |= {(table, column) for column in columns if column not in present[table]}
    return missing


def _read(conn: AnyConnection, figure: Figure, timezone: str, measured: Measured) -> None:
    with conn.cursor() as cursor:
        cursor.execute("SAVEPOINT figure")
        try:
            cursor.execute(figure.sql, {"timezone": timezone})
            row = cursor.fetchone()
        except psycopg2.errors.QueryCanceled:
            cursor.execute("ROLLBACK TO SAVEPOINT figure")
            measured.unknown[figure.name] = "reading it took too long; see the advice on indexes"
            return
        except (psycopg2.ProgrammingError, psycopg2.DataError) as error:
            # A column of an odd type, a permission that is missing: known by its SQLSTATE, never a 0.
            cursor.execute("ROLLBACK TO SAVEPOINT figure")
            measured.unknown[figure.name] = f"{', '.join(figure.needs)} cannot be read (SQLSTATE {error.pgcode})"
            return
        cursor.execute("RELEASE SAVEPOINT figure")
    value = row[0] if row else None
    if value is None or not math.isfinite(value):
        kind = figure.name.rpartition(".")[2]
        measured.unknown[figure.name] = "nothing pending" if kind == "oldest_pending" else "no traffic in the window"
    else:
        measured.values[figure.name] = float(value)


def _reason(table: str, column: str) -> str:
    return f"column {table}.{column} is missing" if column else f"table {table} is missing"


def sum_of(measured: Measured, *names: str) -> tuple[int | None, str | None]:
    """The sum of some figures; or None and why, where one of them is unknown."""
    if any(name not in measured.values for name in names):
        return None, measured.why(*names)
    return sum(round(measured.values[name]) for name in names), None


def time_of(measured: Measured, name: str) -> datetime | None:
    """A figure that is a time in seconds since 1970, as aware UTC."""
    value = measured.get(name)
    return None if value is None else datetime.fromtimestamp(value, UTC)


def depths(measured: Measured) -> list[tuple[str, str, float]]:
    """(stage, figure, value) of what is kept by minute: how much waits, and completions a minute; unknown ones left out."""
    kept = []
    for stage in STAGES:
        for figure, source, per_minute in (("pending", "pending", 1), ("completed", "completed_10m", 10)):
            value = measured.get(f"{stage}.{source}")
            if value is not None:
                kept.append((stage, figure, value / per_minute))
    return kept


def pipeline_facts(measured: Measured) -> list[Fact]:
    """The figures that rules are judged by."""
    facts = []
    for metric, names in (
        ("queue.pending", ("recordings.pending", "transcriptions.pending")),
        ("queue.stale", ("recordings.stale", "transcriptions.stuck")),
    ):
        value, reason = sum_of(measured, *names)
        facts.append(Fact(metric, None if value is None else float(value), reason))
    for stage in ("recordings", "transcriptions"):
        for kind in ("zombie", "stuck"):
            name = f"{stage}.{kind}"
            if name in measured.values or name in measured.unknown:
                facts.append(Fact(f"pipeline.{kind}", measured.get(name), measured.unknown.get(name), {"stage": stage}))
        facts.append(_stopped(measured, stage))
    for table, column in sorted(measured.drift):
        labels = {"table": table, "column": column} if column else {"table": table}
        facts.append(Fact("schema.drift", 1.0, None, labels))
    return facts


def _stopped(measured: Measured, stage: str) -> Fact:
    """1 where work has waited for 10 minutes and none was completed in 10 minutes: a rate of zero is the alarm."""
    labels = {"stage": stage}
    pending, completed = measured.get(f"{stage}.pending"), measured.get(f"{stage}.completed_10m")
    if pending is None or completed is None:
        return Fact("pipeline.stopped", None, measured.why(f"{stage}.pending", f"{stage}.completed_10m"), labels)
    oldest = time_of(measured, f"{stage}.oldest_pending")
    is_waiting = pending > 0 and oldest is not None and (measured.at - oldest).total_seconds() > 600
    return Fact("pipeline.stopped", float(is_waiting and completed == 0), None, labels, since=oldest if is_waiting else None)
