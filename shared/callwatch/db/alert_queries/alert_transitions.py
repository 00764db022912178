"""Alerts that begin, go on and end in one evaluation: one statement for all of each kind, however many they are."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from psycopg2.extras import Json, execute_values

from callwatch.db.alert_queries.alerts import NewAlert
from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.copy import copy_rows
from callwatch.models.alert import EndReason

_PAGE_ROWS = 1_000
# A second evaluator that meets the same firing instance finds the alert of the first.
_OPEN = """
    INSERT INTO callwatch.alerts (alert_key, rule_id, title, level, state, message, value, threshold, service, labels,
                                  started_at, suppressed_by, runbook_url, unit, comparison, measures)
    VALUES %s
    ON CONFLICT (alert_key) WHERE state = 'firing' DO UPDATE SET value = EXCLUDED.value, threshold = EXCLUDED.threshold,
        unit = EXCLUDED.unit, comparison = EXCLUDED.comparison, measures = EXCLUDED.measures, level = EXCLUDED.level,
        message = EXCLUDED.message, suppressed_by = EXCLUDED.suppressed_by
    RETURNING alert_key, id
"""
_OPEN_ROW = """(%(alert_key)s, %(rule_id)s, %(title)s, %(level)s, 'firing', %(message)s, %(value)s, %(threshold)s,
    %(service)s, %(labels)s, %(started_at)s, %(suppressed_by)s, %(runbook_url)s, %(unit)s, %(comparison)s, %(measures)s)"""
_REOPEN = """
    UPDATE callwatch.alerts AS mine SET state = 'firing', resolved_at = NULL, end_reason = NULL
    FROM (VALUES %s) AS given (id) WHERE mine.id = given.id AND mine.state = 'resolved' RETURNING mine.id
"""
# An acknowledgement ends with the alert; who gave it and why stays in the timeline.
_RESOLVE = """
    UPDATE callwatch.alerts AS mine SET state = 'resolved', resolved_at = greatest(given.at, mine.started_at),
        suppressed_by = NULL, acknowledged_by = NULL, acknowledged_at = NULL, end_reason = given.reason
    FROM (VALUES %s) AS given (id, at, reason) WHERE mine.id = given.id AND mine.state = 'firing' RETURNING mine.id
"""
_RESOLVE_ROW = "(%s::bigint, %s::timestamptz, %s)"


class Note(NamedTuple):
    """An entry in the timeline of an alert; details: None if the kind says it all."""

    alert_id: int
    at: datetime
    kind: str
    actor: str
    details: str | None


def open_alerts(conn: AnyConnection, alerts: Sequence[NewAlert]) -> dict[str, int]:
    """The ids of the alerts that now fire, by their keys, each of which is given once. The caller commits."""
    rows = [{**alert, "labels": Json(dict(alert["labels"]))} for alert in alerts]
    return dict(_fetch(conn, _OPEN, rows, _OPEN_ROW))


def reopen_alerts(conn: AnyConnection, alert_ids: Sequence[int]) -> set[int]:
    """Those of these alerts that were resolved, and now fire again. The caller commits."""
    return {alert_id for (alert_id,) in _fetch(conn, _REOPEN, [(each,) for each in sorted(set(alert_ids))], "(%s::bigint)")}


def resolve_alerts(conn: AnyConnection, ends: Mapping[int, EndReason], now: datetime) -> set[int]:
    """Those of these alerts that this call ended. ends: how each ends, by id. The caller commits."""
    rows = [(alert_id, now, reason) for alert_id, reason in sorted(ends.items())]
    return {alert_id for (alert_id,) in _fetch(conn, _RESOLVE, rows, _RESOLVE_ROW)}


def add_notes(conn: AnyConnection, notes: Sequence[Note]) -> None:
    """Record what happened to alerts, by whom, and why. The caller commits."""
    copy_rows(conn, "alert_timeline", Note._fields, notes)


def _fetch(conn: AnyConnection, statement: str, rows: Sequence[object], template: str) -> list[tuple[Any, ...]]:
    if not rows:
        return []
    with conn.cursor() as cursor:
        found: list[tuple[Any, ...]] = execute_values(cursor, statement, rows, template, page_size=_PAGE_ROWS, fetch=True)
        return found
