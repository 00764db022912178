"""Which readings of the product succeeded once, and which of them fail now: `callwatch.known_readings`.

The rows stay when the stage file stops naming a reading, and while no monitor runs: a column that is dropped meanwhile is lost.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import TypedDict

from psycopg2.extras import Json

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import execute, fetch_all
from callwatch.db.core.values import execute_rows

# A table that is locked or slow for a while is not lost.
PATIENCE = timedelta(minutes=10)

# A reading that succeeds each minute is not written each minute.
_KEEP = """
    INSERT INTO callwatch.known_readings AS known (name, known_at) VALUES %s
    ON CONFLICT (name) DO UPDATE SET known_at = EXCLUDED.known_at, lost_since = NULL, is_certain = false, faults = '[]'
    WHERE known.lost_since IS NOT NULL OR known.known_at < EXCLUDED.known_at - interval '1 hour'
"""
_LOSE = """
    UPDATE callwatch.known_readings AS known
    SET lost_since = coalesce(known.lost_since, given.now), is_certain = given.is_certain, faults = given.faults
    FROM (VALUES %s) AS given (name, now, is_certain, faults)
    WHERE known.name = given.name
      AND (known.lost_since IS NULL OR (known.is_certain, known.faults) <> (given.is_certain, given.faults))
"""
_UNNAMED = """
    UPDATE callwatch.known_readings SET lost_since = NULL, is_certain = false, faults = '[]'
    WHERE lost_since IS NOT NULL AND name <> ALL (%s)
"""
_LOST = """
    SELECT name, lost_since, faults FROM callwatch.known_readings
    WHERE lost_since IS NOT NULL AND (is_certain OR lost_since <= %s) ORDER BY name
"""


class Fault(TypedDict):
    """What prevents a reading; column: "" if it is the whole table."""

    table: str
    column: str
    message: str


class FailedReading(TypedDict):
    """A reading that failed now; is_certain: because of the schema, which does not heal by waiting."""

    name: str
    is_certain: bool
    faults: list[Fault]


class LostReading(TypedDict):
    """A reading that succeeded once and fails since then."""

    name: str
    lost_since: datetime
    faults: list[Fault]


def keep_readings(conn: AnyConnection, now: datetime, succeeded: Iterable[str], failed: Sequence[FailedReading]) -> None:
    """Store which readings succeeded and which failed; one that neither did is not read any more. The caller commits."""
    names = sorted(succeeded)
    execute_rows(conn, _KEEP, [(name, now) for name in names])
    rows = [(each["name"], now, each["is_certain"], Json(each["faults"])) for each in sorted(failed, key=lambda one: one["name"])]
    execute_rows(conn, _LOSE, rows, "(%s, %s::timestamptz, %s, %s::jsonb)")
    execute(conn, _UNNAMED, ([*names, *(each["name"] for each in failed)],))


def list_lost(conn: AnyConnection, now: datetime) -> list[LostReading]:
    """The readings that are lost: for good, or for longer than a table may be locked or slow."""
    return fetch_all(conn, _LOST, (now - PATIENCE,), LostReading)
