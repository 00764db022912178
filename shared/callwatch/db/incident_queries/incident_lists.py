"""Incidents as readers list them."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypedDict

from callwatch.db.alert_queries.alerts import clean_labels
from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import fetch_all, fetch_one
from callwatch.db.incident_queries.incidents import IncidentRow
from callwatch.models.alert import AlertState, Level
from callwatch.models.incident import IncidentState
from callwatch.models.shapes.stored import AlertFields

_COLUMNS = """id, state, title, sentence, level, started_at, resolved_at, cause_alert_id, owner, owned_at, merged_into,
    impact"""
# An incident that was merged is shown as a part of the other one.
_LIST = f"""
    SELECT {_COLUMNS} FROM callwatch.incidents
    WHERE merged_into IS NULL AND (%(state)s::text IS NULL OR state = %(state)s)
      AND (%(level)s::text IS NULL OR level = %(level)s)
      AND (%(since)s::timestamptz IS NULL OR started_at >= %(since)s)
      AND (%(until)s::timestamptz IS NULL OR started_at < %(until)s)
      AND (%(q)s::text IS NULL OR title ILIKE %(q)s OR sentence ILIKE %(q)s)
      AND (%(before_at)s::timestamptz IS NULL OR (started_at, id) < (%(before_at)s, %(before_id)s))
    ORDER BY started_at DESC, id DESC LIMIT %(limit)s
"""
_WORST = f"""
    SELECT {_COLUMNS} FROM callwatch.incidents WHERE state = 'open'
    ORDER BY array_position('{{critical,error,warning,info}}'::text[], level), started_at DESC, id DESC LIMIT %s
"""
_MEMBERS = """
    SELECT found.* FROM unnest(%(ids)s::bigint[]) AS given (id) CROSS JOIN LATERAL (
        SELECT id, incident_id, rule_id, title, level, state, message, labels, started_at, resolved_at, suppressed_by
        FROM callwatch.alerts WHERE incident_id = given.id
        ORDER BY state, suppressed_by IS NOT NULL, array_position('{critical,error,warning,info}'::text[], level), id
        LIMIT %(limit)s
    ) AS found
"""
_CAUSES = """
    SELECT id, rule_id, title, level, state, message, value, threshold, service, labels, started_at, resolved_at,
        acknowledged_by, suppressed_by, runbook_url, unit, comparison, measures, end_reason
    FROM callwatch.alerts WHERE id = ANY (%s)
"""
_COUNTS = """
    SELECT incident_id, count(*)::int AS alerts, (count(*) FILTER (WHERE state = 'firing'))::int AS firing
    FROM callwatch.alerts WHERE incident_id = ANY (%s) GROUP BY incident_id
"""
# Those that are notified by themselves: whether all of them are silenced decides whether the incident is.
_LOUD = """
    SELECT incident_id, rule_id, labels FROM callwatch.alerts
    WHERE incident_id = ANY (%s) AND state = 'firing' AND suppressed_by IS NULL LIMIT %s
"""


class IncidentFilters(TypedDict, total=False):
    """Filters of a list of incidents; None, or left out, means any. q: a pattern of LIKE."""

    state: IncidentState | None
    level: Level | None
    since: datetime | None
    until: datetime | None
    q: str | None
    before_at: datetime | None
    before_id: int | None


class MemberRow(TypedDict):
    """An alert of an incident."""

    id: int
    incident_id: int
    rule_id: str
    title: str
    level: Level
    state: AlertState
    message: str
    labels: dict[str, str]
    started_at: datetime
    resolved_at: datetime | None
    suppressed_by: str | None


class CauseRow(AlertFields):
    """The alert that is the cause of an incident."""

    id: int


class CountRow(TypedDict):
    """How many alerts an incident has, and how many of them fire."""

    incident_id: int
    alerts: int
    firing: int


class LoudRow(TypedDict):
    """A firing alert that nothing inhibits."""

    incident_id: int
    rule_id: str
    labels: dict[str, str]


_ANY: IncidentFilters = {
    "state": None,
    "level": None,
    "since": None,
    "until": None,
    "q": None,
    "before_at": None,
    "before_id": None,
}


def list_incidents(conn: AnyConnection, filters: IncidentFilters, limit: int) -> list[IncidentRow]:
    """At most `limit` incidents, newest first."""
    return fetch_all(conn, _LIST, {**_ANY, **filters, "limit": limit}, IncidentRow)


def list_worst(conn: AnyConnection, limit: int) -> list[IncidentRow]:
    """At most `limit` open incidents, the worst first, then the newest."""
    return fetch_all(conn, _WORST, (limit,), IncidentRow)


def count_open(conn: AnyConnection) -> int:
    """How many incidents are open."""
    row = fetch_one(conn, "SELECT count(*)::int AS n FROM callwatch.incidents WHERE state = 'open'")
    return int(row["n"]) if row else 0


def find_last_end(conn: AnyConnection) -> datetime | None:
    """When the last incident above info ended; None if none did yet."""
    row = fetch_one(
        conn,
        "SELECT resolved_at FROM callwatch.incidents WHERE state = 'resolved' AND level <> 'info'"
        " ORDER BY resolved_at DESC LIMIT 1",
    )
    return row["resolved_at"] if row else None


def list_members(conn: AnyConnection, incident_ids: Sequence[int], limit: int) -> list[MemberRow]:
    """The alerts of incidents, at most `limit` of each: firing ones first, then those that nothing inhibits, the worst first."""
    rows = fetch_all(conn, _MEMBERS, {"ids": list(incident_ids), "limit": limit}, MemberRow)
    return [{**row, "labels": clean_labels(row["labels"])} for row in rows]


def list_causes(conn: AnyConnection, alert_ids: Sequence[int]) -> dict[int, CauseRow]:
    """Alerts by id."""
    rows = fetch_all(conn, _CAUSES, (list(alert_ids),), CauseRow)
    return {row["id"]: {**row, "labels": clean_labels(row["labels"])} for row in rows}


def count_alerts(conn: AnyConnection, incident_ids: Sequence[int]) -> dict[int, CountRow]:
    """How many alerts each incident has."""
    return {row["incident_id"]: row for row in fetch_all(conn, _COUNTS, (list(incident_ids),), CountRow)}


def list_loud(conn: AnyConnection, incident_ids: Sequence[int], limit: int) -> list[LoudRow]:
    """The firing alerts of incidents that nothing inhibits, at most `limit` of all."""
    rows = fetch_all(conn, _LOUD, (list(incident_ids), limit), LoudRow)
    return [{**row, "labels": clean_labels(row["labels"])} for row in rows]
