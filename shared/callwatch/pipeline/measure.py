"""Takes readings of the product's tables, looking before it reads: what cannot be read is unknown, with its reason, by itself."""

import math
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import psycopg2

from callwatch.db.connect import AnyConnection, is_connection_lost
from callwatch.pipeline.clauses import moments, with_joins
from callwatch.pipeline.readings import Reading, in_one_scan
from callwatch.pipeline.schema import Schema, faults, look, types_of

# A product that alters a table must not wait for us, nor we for it.
_LOCK_TIMEOUT_MS = 300
_BUDGET_S = 8.0
_TIMEOUTS_OF_A_TABLE = 2
Wanted = Callable[[str], bool]
TOO_SLOW = "reading it took too long; see docs/indexes.md"


@dataclass(slots=True)
class Measured:
    """Figures by name; a name stands either in `values` (`rows` for a list) or, with its reason, in `unknown`.

    drift: why a reading could not be had as wanted, by (table, column or ""). errors: what failed, by figure.
    """

    at: datetime
    timezone: str = "UTC"
    values: dict[str, float] = field(default_factory=dict)
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    unknown: dict[str, str] = field(default_factory=dict)
    drift: dict[tuple[str, str], str] = field(default_factory=dict)
    errors: dict[str, Exception] = field(default_factory=dict)

    def get(self, name: str) -> float | None:
        """The figure, or None where it is unknown."""
        return self.values.get(name)

    def count(self, name: str) -> int | None:
        """The figure as a whole number, or None."""
        value = self.values.get(name)
        return None if value is None else round(value)

    def time(self, name: str) -> datetime | None:
        """A figure in seconds since 1970, as aware UTC."""
        value = self.values.get(name)
        return None if value is None else datetime.fromtimestamp(value, UTC)

    def why(self, *names: str) -> str:
        """Why the first unknown one of these figures is unknown."""
        parents = [name.rpartition(".")[0] for name in names]
        found = next((self.unknown[name] for name in (*names, *parents) if name in self.unknown), None)
        return found or f"the stage file does not describe {names[0].partition('.')[0]}"


def read(conn: AnyConnection, readings: Iterable[Reading], measured: Measured, scanned: Collection[str] = frozenset()) -> None:
    """Take readings one by one; a failing one leaves the others as they are.

    scanned: tables that are read in one scan, because no index would serve their readings one by one.

    Raises DatabaseUnavailable (or the error that becomes it) where the connection breaks. The caller ends the transaction.
    """
    given = list(readings)
    schema = look(conn, {table for reading in given for table in _tables(reading)})
    types = types_of(schema)
    with conn.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT_MS}ms'; SAVEPOINT reading")
    timeouts: dict[str, int] = {}
    deadline = time.monotonic() + _BUDGET_S
    wanted = [chosen for reading in given if (chosen := _choose(reading, schema, measured))]
    for chosen in in_one_scan(wanted, scanned):
        if time.monotonic() > deadline or any(timeouts.get(table, 0) >= _TIMEOUTS_OF_A_TABLE for table in chosen.needs):
            _give_up(measured, chosen, TOO_SLOW)
        else:
            _execute(conn, chosen, types, measured, timeouts)
    with conn.cursor() as cursor:
        cursor.execute("ROLLBACK TO SAVEPOINT reading")


def _tables(reading: Reading) -> set[str]:
    return set(reading.needs) | (_tables(reading.otherwise) if reading.otherwise else set())


def _choose(reading: Reading, schema: Schema, measured: Measured) -> Reading | None:
    """The reading, or what stands in for it; None where nothing can be read, which is then noted."""
    if reading.none:
        measured.unknown[reading.name] = reading.none
        return None
    found = faults(reading.needs, schema)
    if not found:
        return reading
    measured.drift |= found
    if reading.otherwise:
        return _choose(reading.otherwise, schema, measured)
    measured.unknown[reading.name] = "; ".join(found[key] for key in sorted(found))
    return None


def _execute(
    conn: AnyConnection,
    reading: Reading,
    types: Mapping[str, Mapping[str, str]],
    measured: Measured,
    timeouts: dict[str, int],
) -> None:
    params = {"now": measured.at, "timezone": measured.timezone, **moments(reading.sql, measured.at), **reading.params}
    with conn.cursor() as cursor:
        try:
            # One round trip; whatever the statement before left behind is undone first.
            cursor.execute("ROLLBACK TO SAVEPOINT reading; " + with_joins(reading.sql, types), params)
            names = [column.name for column in cursor.description or ()]
            found = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        except (psycopg2.errors.QueryCanceled, psycopg2.errors.LockNotAvailable) as error:
            for table in reading.needs:
                timeouts[table] = timeouts.get(table, 0) + 1
            _fail(measured, reading, TOO_SLOW, error)
            return
        except psycopg2.Error as error:
            if is_connection_lost(error):
                raise
            _fail(measured, reading, f"{', '.join(reading.needs)} cannot be read (SQLSTATE {error.pgcode})", error)
            return
    if reading.is_table:
        measured.rows[reading.name] = found
        return
    if reading.parts:
        for part, value in zip(reading.parts, found[0].values(), strict=True):
            _keep(measured, part.name, value, part.empty)
        return
    for column, value in found[0].items():
        _keep(measured, reading.name if column == "value" else f"{reading.name}.{column}", value, reading.empty)


def _keep(measured: Measured, name: str, value: float | None, empty: str) -> None:
    if value is None or not math.isfinite(value):
        measured.unknown[name] = empty
    else:
        measured.values[name] = float(value)


def _give_up(measured: Measured, reading: Reading, reason: str) -> None:
    for one in reading.parts or (reading,):
        measured.unknown[one.name] = reason


def _fail(measured: Measured, reading: Reading, reason: str, error: Exception) -> None:
    _give_up(measured, reading, reason)
    measured.errors[reading.name] = error


def sum_of(measured: Measured, *names: str) -> tuple[int | None, str | None]:
    """The sum of some figures; or None and why, where one of them is unknown."""
    if any(name not in measured.values for name in names):
        return None, measured.why(*(name for name in names if name not in measured.values))
    return sum(round(measured.values[name]) for name in names), None


def is_stopped(measured: Measured, stage: str) -> bool | None:
    """Whether due work has waited for 10 minutes and none was completed in 10; None where that is not known."""
    due, completed = measured.get(f"{stage}.due"), measured.get(f"{stage}.completed_10m")
    if due == 0:
        return False
    return None if due is None or completed is None else completed == 0
