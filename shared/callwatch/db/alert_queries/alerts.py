"""Alerts as spans, and their timelines."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypedDict

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import execute, fetch_all, fetch_one
from callwatch.db.core.values import execute_rows
from callwatch.models.alert import AlertState, Level
from callwatch.models.shapes.alerts import TimelineEntry
from callwatch.models.shapes.stored import AlertFields, FollowerFields

_COLUMNS = """id, rule_id, title, level, state, message, value, threshold, service, labels, started_at, resolved_at,
    acknowledged_by, suppressed_by, runbook_url, unit, comparison, measures, incident_id, end_reason"""
# The alert that inhibited this one stays known after the inhibition ends.
_UPDATE = """
    UPDATE callwatch.alerts AS mine SET value = given.value, threshold = given.threshold, unit = given.unit,
        comparison = given.comparison, measures = given.measures, level = given.level,
        message = given.message, suppressed_by = given.suppressed_by,
        cause_id = coalesce(given.cause_id, mine.cause_id)
    FROM (VALUES %s) AS given (id, value, threshold, unit, comparison, measures, level, message, suppressed_by, cause_id)
    WHERE mine.id = given.id AND mine.state = 'firing'
"""
_UPDATE_ROW = """(%(id)s::bigint, %(value)s::double precision, %(threshold)s::double precision, %(unit)s::text,
    %(comparison)s::text, %(measures)s::text, %(level)s, %(message)s, %(suppressed_by)s::text, %(cause_id)s::bigint)"""
_ACKNOWLEDGE = """
    UPDATE callwatch.alerts SET acknowledged_by = %(actor)s, acknowledged_at = now()
    WHERE id = %(id)s AND state = 'firing'
"""
_LIST = f"""
    SELECT {_COLUMNS} FROM callwatch.alerts
    WHERE (%(state)s::text IS NULL OR state = %(state)s) AND (%(level)s::text IS NULL OR level = %(level)s)
      AND (%(rule_id)s::text IS NULL OR rule_id = %(rule_id)s)
      AND (%(since)s::timestamptz IS NULL OR started_at >= %(since)s)
      AND (%(until)s::timestamptz IS NULL OR started_at < %(until)s)
      AND (%(q)s::text IS NULL OR title ILIKE %(q)s OR message ILIKE %(q)s)
      AND (%(before_at)s::timestamptz IS NULL OR (started_at, id) < (%(before_at)s, %(before_id)s))
    ORDER BY started_at DESC, id DESC LIMIT %(limit)s
"""
_NOTE = "INSERT INTO callwatch.alert_timeline (alert_id, at, kind, actor, details) VALUES (%s, %s, %s, %s, %s)"


class AlertRow(AlertFields):
    """An alert as it is stored."""

    id: int
    incident_id: int | None


class FiringRow(AlertRow):
    """A firing alert, with its key and the alert id under which its group is notified."""

    alert_key: str
    group_id: int | None


class BegunRow(TypedDict):
    """An alert that began in a span."""

    alert_key: str
    rule_id: str
    title: str
    level: Level
    labels: dict[str, str]
    started_at: datetime


class FollowerRow(FollowerFields):
    """A follower as it is stored."""

    id: int


class AlertFilters(TypedDict, total=False):
    """Filters of a list of alerts; None, or left out, means any. q: a pattern of LIKE."""

    state: AlertState | None
    level: Level | None
    rule_id: str | None
    since: datetime | None
    until: datetime | None
    q: str | None
    before_at: datetime | None
    before_id: int | None


class NewAlert(TypedDict):
    """What a new alert stores."""

    alert_key: str
    rule_id: str
    title: str
    level: str
    message: str
    value: float | None
    unit: str | None
    comparison: str | None
    measures: str | None
    threshold: float | None
    service: str | None
    labels: Mapping[str, str]
    started_at: datetime
    suppressed_by: str | None
    runbook_url: str


class AlertUpdate(TypedDict):
    """What changes of a firing alert: its figures (all of one condition), level, message, and what inhibits it."""

    id: int
    value: float | None
    unit: str | None
    comparison: str | None
    measures: str | None
    threshold: float | None
    level: str
    message: str
    suppressed_by: str | None
    cause_id: int | None


_ANY: AlertFilters = {
    "state": None,
    "level": None,
    "rule_id": None,
    "since": None,
    "until": None,
    "q": None,
    "before_at": None,
    "before_id": None,
}


def update_alerts(conn: AnyConnection, rows: Sequence[AlertUpdate]) -> None:
    """Update firing alerts by id. The caller commits."""
    execute_rows(conn, _UPDATE, sorted(rows, key=lambda row: row["id"]), _UPDATE_ROW)


def set_group(conn: AnyConnection, alert_ids: Sequence[int], group_id: int | None) -> None:
    """Record the alert id under which a group of alerts is notified. The caller commits."""
    execute(conn, "UPDATE callwatch.alerts SET group_id = %s WHERE id = ANY (%s)", (group_id, list(alert_ids)))


def get_group_id(conn: AnyConnection, alert_ids: Sequence[int]) -> int | None:
    """The id under which these alerts are notified as a group; None if they are not."""
    row = fetch_one(conn, "SELECT max(group_id) AS id FROM callwatch.alerts WHERE id = ANY (%s)", (list(alert_ids),))
    return row["id"] if row else None


def is_group_over(conn: AnyConnection, group_id: int) -> bool:
    """Whether no member of a group fires or still needs an all-clear."""
    row = fetch_one(
        conn,
        "SELECT FROM callwatch.rule_states JOIN callwatch.alerts ON alerts.id = rule_states.alert_id"
        " WHERE alerts.group_id = %s LIMIT 1",
        (group_id,),
    )
    return row is None


def acknowledge_alert(conn: AnyConnection, alert_id: int, actor: str) -> bool:
    """Whether it fires, and so could be acknowledged. The caller commits."""
    return execute(conn, _ACKNOWLEDGE, {"id": alert_id, "actor": actor}) == 1


def add_timeline(conn: AnyConnection, alert_id: int, at: datetime, kind: str, actor: str, details: str | None) -> None:
    """Record what happened to an alert, by whom, and why."""
    execute(conn, _NOTE, (alert_id, at, kind, actor, details))


def list_alerts(conn: AnyConnection, filters: AlertFilters, limit: int | None) -> list[AlertRow]:
    """At most `limit` alerts, newest first."""
    rows = fetch_all(conn, _LIST, {**_ANY, **filters, "limit": limit}, AlertRow)
    return [{**row, "labels": clean_labels(row["labels"])} for row in rows]


def clean_labels(kept: object) -> dict[str, str]:
    """The texts of stored labels, which a person may have damaged: one odd row must not cost all others."""
    return {name: value for name, value in kept.items() if isinstance(value, str)} if isinstance(kept, dict) else {}


def get_alert(conn: AnyConnection, alert_id: int) -> AlertRow | None:
    """One alert."""
    row = fetch_one(conn, f"SELECT {_COLUMNS} FROM callwatch.alerts WHERE id = %s", (alert_id,), AlertRow)
    return None if row is None else {**row, "labels": clean_labels(row["labels"])}


def find_alert_with_key(conn: AnyConnection, alert_key: str) -> int | None:
    """The id of the latest alert with this key."""
    row = fetch_one(conn, "SELECT max(id) AS id FROM callwatch.alerts WHERE alert_key = %s", (alert_key,))
    return row["id"] if row else None


def list_timeline(conn: AnyConnection, alert_id: int) -> list[TimelineEntry]:
    """What happened to an alert, oldest first."""
    return fetch_all(
        conn,
        "SELECT at, kind, actor, details FROM callwatch.alert_timeline WHERE alert_id = %s ORDER BY at, id",
        (alert_id,),
        TimelineEntry,
    )


def list_firing_alerts(conn: AnyConnection) -> list[AlertRow]:
    """All alerts that fire, newest first."""
    return list_alerts(conn, {"state": "firing"}, None)


def list_firing_rows(conn: AnyConnection, incident_id: int | None = None) -> list[FiringRow]:
    """All firing alerts as they are stored, or those of one incident."""
    statement = f"""
        SELECT alert_key, group_id, {_COLUMNS} FROM callwatch.alerts
        WHERE state = 'firing' AND (%(id)s::bigint IS NULL OR incident_id = %(id)s) ORDER BY id
    """
    rows = fetch_all(conn, statement, {"id": incident_id}, FiringRow)
    return [{**row, "labels": clean_labels(row["labels"])} for row in rows]


def list_alerts_begun_between(conn: AnyConnection, since: datetime, until: datetime, limit: int) -> list[BegunRow]:
    """Alerts that began in the span and are not inhibited by another, newest first."""
    rows = fetch_all(
        conn,
        "SELECT alert_key, rule_id, title, level, labels, started_at FROM callwatch.alerts"
        " WHERE started_at >= %s AND started_at <= %s AND suppressed_by IS NULL ORDER BY started_at DESC, id DESC LIMIT %s",
        (since, until, limit),
        BegunRow,
    )
    return [{**row, "labels": clean_labels(row["labels"])} for row in rows]


def list_followers(conn: AnyConnection, alert_id: int) -> list[FollowerRow]:
    """Alerts that this one inhibited, newest first."""
    return fetch_all(
        conn,
        "SELECT id, rule_id, title, state, labels FROM callwatch.alerts WHERE cause_id = %s ORDER BY id DESC LIMIT 100",
        (alert_id,),
        FollowerRow,
    )
