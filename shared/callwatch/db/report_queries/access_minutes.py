"""By minute and route of PII_ROUTES: how many requests answered with personal data, and how many of them have a record."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TypedDict

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import execute, fetch_all
from callwatch.db.core.values import add_to_counters

_ADD = """
    INSERT INTO callwatch.access_minutes AS known (minute, project_id, route, answered, logged) VALUES %s
    ON CONFLICT (minute, project_id, route)
    DO UPDATE SET answered = known.answered + EXCLUDED.answered, logged = known.logged + EXCLUDED.logged
"""
_SUMS = """
    SELECT route, sum(answered)::bigint AS answered, sum(logged)::bigint AS logged FROM callwatch.access_minutes
    WHERE minute >= %(since)s AND minute < %(until)s GROUP BY route ORDER BY route
"""
# Minute, project, route.
AccessKey = tuple[datetime, int, str]


class AccessSum(TypedDict):
    """Requests of one route in a span of time."""

    route: str
    answered: int
    logged: int


def build_key(at: datetime, project_id: int, route: str) -> AccessKey:
    """The row in which a request is counted."""
    return at.replace(second=0, microsecond=0), project_id, route


def add_counts(conn: AnyConnection, answered: Iterable[AccessKey] = (), logged: Iterable[AccessKey] = ()) -> None:
    """Count requests; one key each. The caller commits."""
    counts: dict[AccessKey, list[int]] = {}
    for place, keys in enumerate((answered, logged)):
        for key in keys:
            counts.setdefault(key, [0, 0])[place] += 1
    add_to_counters(conn, _ADD, counts)


def sum_counts(conn: AnyConnection, since: datetime, until: datetime) -> Mapping[str, AccessSum]:
    """The sums of each route; whole minutes."""
    return {row["route"]: row for row in fetch_all(conn, _SUMS, {"since": since, "until": until}, AccessSum)}


def delete_counts_before(conn: AnyConnection, now: datetime, kept: timedelta) -> int:
    """Delete old counts; returns how many rows. The caller commits."""
    return execute(conn, "DELETE FROM callwatch.access_minutes WHERE minute < %s", (now - kept,))
