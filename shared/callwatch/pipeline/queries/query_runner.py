"""Runs readings on the product's tables after a look at the schema: each figure that cannot be read is unknown, with its
reason.
"""

import math
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg2
from psycopg2.sql import SQL, Composable

from callwatch.db.core.connect import AnyConnection, is_connection_lost
from callwatch.models.reason import Reason
from callwatch.pipeline.queries.odd_rows import OddRows, read_odd_rows
from callwatch.pipeline.queries.reading import Census, Reading, combine_scans
from callwatch.pipeline.queries.schema import Faults, Schema, bind, find_faults, look
from callwatch.pipeline.queries.time_bounds import compute_moments, read_time

# A product that alters a table must not wait for us, nor we for it.
_LOCK_TIMEOUT_MS = 300
BUDGET_S = 8.0
_TIMEOUTS_OF_A_TABLE = 2
Wanted = Callable[[str], bool]
TOO_SLOW = Reason("timeout", "reading it took too long; see docs/indexes.md")


@dataclass(slots=True)
class Measured:
    """Figures by name; each name is either in `values` (`rows` for a list) or, with its reason, in `unknown`.

    drift: why a reading could not be run as wanted, by (table, column or ""). errors: what failed, by figure. odd: rows whose
    time cannot be true, by census. uncounted: the censuses that could not be read. at_least: the known part of an unknown
    count, without those rows. substituted: why a substitute was read in place of a reading. faulty: the readings that gave
    nothing, and why, by (table, column or ""). deadline: by the monotonic clock, after which nothing more is read.
    """

    at: datetime
    timezone: str = "UTC"
    values: dict[str, float] = field(default_factory=dict)
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    unknown: dict[str, Reason] = field(default_factory=dict)
    drift: dict[tuple[str, str], Reason] = field(default_factory=dict)
    errors: dict[str, Exception] = field(default_factory=dict)
    odd: dict[str, OddRows] = field(default_factory=dict)
    uncounted: dict[str, Census] = field(default_factory=dict)
    at_least: dict[str, float] = field(default_factory=dict)
    substituted: dict[str, Reason] = field(default_factory=dict)
    faulty: dict[str, Faults] = field(default_factory=dict)
    deadline: float | None = None

    def get(self, name: str) -> float | None:
        """The figure, or None if it is unknown."""
        return self.values.get(name)

    def get_count(self, name: str) -> int | None:
        """The figure as a whole number, or None."""
        value = self.values.get(name)
        return None if value is None else round(value)

    def get_time(self, name: str) -> datetime | None:
        """A figure in seconds since 1970, as aware UTC; None if it is no plausible time."""
        return read_time(self.values.get(name), self.at)

    def explain_unknown(self, *names: str) -> Reason:
        """Why the first unknown one of these figures is unknown."""
        parents = [name.rpartition(".")[0] for name in names]
        found = next((self.unknown[name] for name in (*names, *parents) if name in self.unknown), None)
        return found or Reason("not_configured", f"the stage file does not describe {names[0].partition('.')[0]}")


def read(conn: AnyConnection, readings: Iterable[Reading], measured: Measured, scanned: Collection[str] = frozenset()) -> None:
    """Run readings one by one; a failing one does not affect the others.

    scanned: tables that are read in one scan, because no index would serve their readings one by one.

    Raises DatabaseUnavailable (or the error that becomes it) if the connection breaks. The caller ends the transaction.
    """
    given = list(readings)
    schema = look(conn, {table for reading in given for table in list_tables(reading)})
    with conn.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT_MS}ms'; SAVEPOINT reading")
    timeouts: dict[str, int] = {}
    deadline = measured.deadline if measured.deadline is not None else time.monotonic() + BUDGET_S
    wanted = [chosen for reading in given if (chosen := choose(reading, schema, measured))]
    for chosen in combine_scans(wanted, scanned):
        if time.monotonic() > deadline or any(timeouts.get(table, 0) >= _TIMEOUTS_OF_A_TABLE for table in chosen.needs):
            _give_up(measured, chosen, TOO_SLOW)
        else:
            _execute(conn, chosen, bind(chosen.sql, schema), measured, timeouts)
    with conn.cursor() as cursor:
        cursor.execute("ROLLBACK TO SAVEPOINT reading")
    for chosen in wanted:
        _apply_doubts(measured, chosen)


def list_tables(reading: Reading) -> set[str]:
    """The tables that a reading or one of its substitutes needs."""
    return set(reading.needs) | (list_tables(reading.otherwise) if reading.otherwise else set())


def list_columns(reading: Reading) -> set[tuple[str, str]]:
    """The columns that a reading or one of its substitutes needs, each with its table."""
    own = {(table, column) for table, columns in reading.needs.items() for column in columns}
    return own | (list_columns(reading.otherwise) if reading.otherwise else set())


def choose(reading: Reading, schema: Schema, measured: Measured) -> Reading | None:
    """The reading or its substitute; None if nothing can be read, which is then recorded in `measured`."""
    if reading.none:
        measured.unknown[reading.name] = reading.none
        return None
    found = find_faults(reading.needs, schema)
    if not found:
        return reading
    measured.drift |= found
    reasons = [found[key] for key in sorted(found)]
    why = Reason(reasons[0].code, "; ".join(reason.message for reason in reasons))
    if reading.otherwise:
        measured.substituted.setdefault(reading.name, why)
        return choose(reading.otherwise, schema, measured)
    _give_up(measured, reading, why, found)
    return None


def _execute(
    conn: AnyConnection,
    reading: Reading,
    statement: Composable,
    measured: Measured,
    timeouts: dict[str, int],
) -> None:
    params = {"now": measured.at, "timezone": measured.timezone, **compute_moments(statement, measured.at), **reading.params}
    with conn.cursor() as cursor:
        try:
            # One round trip; it first undoes whatever the previous statement left behind.
            cursor.execute(SQL("ROLLBACK TO SAVEPOINT reading; ") + statement, params)
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
            reason = Reason("unavailable", f"{', '.join(reading.needs)} cannot be read (SQLSTATE {error.pgcode})")
            _fail(measured, reading, reason, error)
            return
        except (ValueError, OverflowError) as error:
            # Bytes that are not text, or a date that Python cannot represent.
            reason = Reason("unavailable", f"{', '.join(reading.needs)} cannot be read ({type(error).__name__})")
            _fail(measured, reading, reason, error)
            return
    if reading.is_table:
        measured.rows[reading.name] = found
        return
    if reading.parts:
        for part, value in zip(reading.parts, found[0].values(), strict=True):
            _keep(measured, part, part.name, value)
        return
    for column, value in found[0].items():
        _keep(measured, reading, reading.name if column in ("value", "odd") else f"{reading.name}.{column}", value)


def _keep(measured: Measured, reading: Reading, name: str, value: Any) -> None:
    if reading.census and isinstance(value, list):
        measured.odd[name] = read_odd_rows(reading.census, value)
    elif value is None:
        measured.unknown[name] = reading.empty
    elif not math.isfinite(value):
        measured.unknown[name] = Reason("unavailable", f"a number of {', '.join(reading.needs)} cannot be read")
    else:
        measured.values[name] = float(value)


def _apply_doubts(measured: Measured, reading: Reading) -> None:
    """Make the figures of a reading unknown that odd rows belong to or may belong to; their known part stays available."""
    odd = _find_doubtful(measured, reading.doubts)
    if odd:
        for name in [name for name in measured.values if _belongs_to(name, reading)]:
            measured.at_least[name] = measured.values.pop(name)
            measured.unknown[name] = odd.reason
    odd = odd or _find_doubtful(measured, reading.empty_doubts, with_ahead=True)
    if odd:
        for name in [name for name, why in measured.unknown.items() if why == reading.empty and _belongs_to(name, reading)]:
            measured.unknown[name] = odd.reason


def _find_doubtful(measured: Measured, names: Iterable[str], with_ahead: bool = False) -> OddRows | None:
    found = (measured.odd[name] for name in names if name in measured.odd)
    return next((odd for odd in found if odd.is_doubtful or (with_ahead and odd.ahead)), None)


def _belongs_to(name: str, reading: Reading) -> bool:
    return name == reading.name or name.startswith(f"{reading.name}.")


def _give_up(measured: Measured, reading: Reading, reason: Reason, found: Faults | None = None) -> None:
    for one in reading.parts or (reading,):
        measured.unknown[one.name] = reason
        measured.faulty[one.name] = found or {(table, ""): reason for table in list(one.needs)[:1]}
        if one.census:
            measured.uncounted[one.name] = one.census


def _fail(measured: Measured, reading: Reading, reason: Reason, error: Exception) -> None:
    _give_up(measured, reading, reason)
    measured.errors[reading.name] = error


def add_figures(measured: Measured, *names: str) -> tuple[int | None, Reason | None]:
    """The sum of some figures; or None and the reason, if one of them is unknown."""
    if any(name not in measured.values for name in names):
        return None, measured.explain_unknown(*(name for name in names if name not in measured.values))
    return sum(round(measured.values[name]) for name in names), None


def is_stopped(measured: Measured, stage: str) -> bool | None:
    """Whether due work has waited for 10 minutes and none was completed in 10; None if that is unknown."""
    due, completed = measured.get(f"{stage}.due"), measured.get(f"{stage}.completed_10m")
    if due == 0:
        # A substitute sees only a part of the due work.
        return None if completed == 0 and f"{stage}.due" in measured.substituted else False
    if due is None and measured.at_least.get(f"{stage}.due", 0) > 0 and completed == 0:
        return True
    return None if due is None or completed is None else completed == 0


def explain_stopped(measured: Measured, stage: str) -> Reason:
    """Why it is unknown whether a stage is stopped."""
    names = (f"{stage}.due", f"{stage}.completed_10m")
    is_unread = any(name in measured.unknown for name in names)
    return measured.explain_unknown(*names) if is_unread else measured.substituted.get(names[0], measured.explain_unknown(*names))
