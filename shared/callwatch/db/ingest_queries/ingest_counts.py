"""Counts of what ingest accepted, refused and cut, and of what clients discarded: by hour, project, SDK and category."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple, TypedDict

from psycopg2.extras import execute_values

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import execute, fetch_all
from callwatch.db.core.values import add_to_counters
from callwatch.models.ingest_outcome import OTHER, Outcome

# SDKs of a project that are counted by name; a fleet has about ten versions at a time.
MAX_SDKS = 100
_SDKS_KEPT = timedelta(days=30)
# Longer than a queue and its dead letters take to deliver a message again after it was stored.
REPORTS_KEPT = timedelta(days=2)

_ADD = """
    INSERT INTO callwatch.ingest_counts AS known (hour, project_id, sdk, category, outcome, reason, count)
    VALUES %s ON CONFLICT (hour, project_id, sdk, category, outcome, reason)
    DO UPDATE SET count = known.count + EXCLUDED.count
"""
_INSERT_REPORTS = """
    INSERT INTO callwatch.ingest_reports (report_id, at) VALUES %s ON CONFLICT (report_id) DO NOTHING RETURNING report_id::text
"""
_KNOWN_SDKS = "SELECT project_id, sdk, seen_on FROM callwatch.ingest_sdks WHERE project_id = ANY (%s)"
_SEE_SDKS = """
    INSERT INTO callwatch.ingest_sdks AS known (project_id, sdk, seen_on) VALUES %s
    ON CONFLICT (project_id, sdk) DO UPDATE SET seen_on = greatest(known.seen_on, EXCLUDED.seen_on)
"""
# Project 0 is the monitor itself, and counts only on request.
_SUMS = """
    SELECT project_id, sdk, category, outcome, reason, sum(count)::bigint AS count FROM callwatch.ingest_counts
    WHERE hour >= %(since)s
      AND (CASE WHEN %(project_id)s::int IS NULL THEN project_id <> 0 ELSE project_id = %(project_id)s END)
      AND (project_id, sdk, category) IN (
          SELECT DISTINCT project_id, sdk, category FROM callwatch.ingest_counts
          WHERE hour >= %(since)s
            AND (CASE WHEN %(project_id)s::int IS NULL THEN project_id <> 0 ELSE project_id = %(project_id)s END)
            AND (%(after_project)s::int IS NULL
                 OR (project_id, sdk, category) > (%(after_project)s::int, %(after_sdk)s::text, %(after_category)s::text))
          ORDER BY project_id, sdk, category LIMIT %(limit)s)
    GROUP BY project_id, sdk, category, outcome, reason ORDER BY project_id, sdk, category, outcome, reason
"""
_DISCARDED = """
    SELECT sdk, reason, sum(count)::bigint AS count FROM callwatch.ingest_counts
    WHERE hour >= %(since)s AND outcome = 'client_discarded' AND category = ANY (%(categories)s)
      AND (CASE WHEN %(project_id)s::int IS NULL THEN project_id <> 0 ELSE project_id = %(project_id)s END)
    GROUP BY sdk, reason
"""

_UNCOUNTED = """
    SELECT coalesce(sum(count), 0)::bigint AS count FROM callwatch.ingest_counts
    WHERE hour >= %s AND outcome = 'refused' AND reason = 'not_counted' AND project_id <> 0
"""


class CountKey(NamedTuple):
    """What is counted together."""

    hour: datetime
    project_id: int
    sdk: str
    category: str
    outcome: Outcome
    reason: str


Counts = Counter[CountKey]


class SumRow(TypedDict):
    """A count of a window."""

    project_id: int
    sdk: str
    category: str
    outcome: Outcome
    reason: str
    count: int


class DiscardedRow(TypedDict):
    """Errors that clients discarded, by SDK and reason."""

    sdk: str
    reason: str
    count: int


class _CountRow(TypedDict):
    count: int


class _SdkRow(TypedDict):
    project_id: int
    sdk: str
    seen_on: date


def add_ingest_counts(conn: AnyConnection, counts: Counts) -> None:
    """Add to the counters; an SDK above the limit of its project is counted as "other". The caller commits."""
    if not counts:
        return
    named = _name_sdks(conn, counts)
    merged: Counts = Counter()
    for key, count in counts.items():
        merged[key._replace(sdk=named[(key.project_id, key.sdk)])] += count
    add_to_counters(conn, _ADD, merged)


def _name_sdks(conn: AnyConnection, counts: Iterable[CountKey]) -> dict[tuple[int, str], str]:
    """The name under which each SDK of a project is counted."""
    seen: dict[tuple[int, str], date] = {}
    for key in counts:
        place = (key.project_id, key.sdk)
        seen[place] = max(seen.get(place, key.hour.date()), key.hour.date())
    rows = fetch_all(conn, _KNOWN_SDKS, (sorted({project_id for project_id, _sdk in seen}),), _SdkRow)
    known = {(row["project_id"], row["sdk"]): row["seen_on"] for row in rows}
    left = Counter({project_id: MAX_SDKS for project_id, _sdk in seen})
    left.subtract(project_id for project_id, _sdk in known)
    named = {}
    for place in sorted(seen):
        project_id, sdk = place
        if place not in known and left[project_id] > 0 and sdk != OTHER:
            left[project_id] -= 1
            known[place] = date.min
        named[place] = sdk if place in known else OTHER
    add_to_counters(conn, _SEE_SDKS, {place: day for place, day in seen.items() if place in known and known[place] < day})
    return named


def insert_ingest_reports(conn: AnyConnection, reports: Mapping[str, datetime]) -> set[str]:
    """Record reports by their id, as 32 hex digits; returns the ids of those that are new. The caller commits."""
    with conn.cursor() as cursor:
        found: list[Any] = execute_values(cursor, _INSERT_REPORTS, sorted(reports.items()), fetch=True)
    return {report_id.replace("-", "") for (report_id,) in found}


def sum_ingest_counts(
    conn: AnyConnection, since: datetime, project_id: int | None, after: tuple[int, str, str] | None, limit: int
) -> list[SumRow]:
    """The counts since the start of an hour, of the first `limit` combinations of project, SDK and category after one."""
    project, sdk, category = after or (None, None, None)
    given = {
        "since": since, "project_id": project_id, "limit": limit,
        "after_project": project, "after_sdk": sdk, "after_category": category,
    }  # fmt: skip
    return fetch_all(conn, _SUMS, given, SumRow)


def list_discarded(
    conn: AnyConnection, since: datetime, project_id: int | None, categories: Collection[str]
) -> list[DiscardedRow]:
    """What clients discarded since the start of an hour, of some categories."""
    given = {"since": since, "project_id": project_id, "categories": list(categories)}
    return fetch_all(conn, _DISCARDED, given, DiscardedRow)


def count_uncounted(conn: AnyConnection, since: datetime) -> int:
    """How many traces were neither requests nor runs since the start of an hour."""
    return fetch_all(conn, _UNCOUNTED, (since,), _CountRow)[0]["count"]


def delete_ingest_before(conn: AnyConnection, now: datetime, oldest: datetime) -> None:
    """Delete old counts, the ids of old reports, and SDKs that are no longer seen; the caller commits."""
    execute(conn, "DELETE FROM callwatch.ingest_counts WHERE hour < %s", (oldest,))
    execute(conn, "DELETE FROM callwatch.ingest_reports WHERE at < %s", (now - REPORTS_KEPT,))
    execute(conn, "DELETE FROM callwatch.ingest_sdks WHERE seen_on < %s", ((now - _SDKS_KEPT).date(),))


def find_hour(when: datetime) -> datetime:
    """The hour that a time is counted under."""
    return when.replace(minute=0, second=0, microsecond=0)
