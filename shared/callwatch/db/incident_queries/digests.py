"""Entries of daily digests: each alert is in one digest."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypedDict

from psycopg2.extras import execute_values

from callwatch.db.alert_queries.alerts import clean_labels
from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import fetch_all
from callwatch.models.alert import AlertState, EndReason, Level

_ADD = """
    INSERT INTO callwatch.digest_entries (alert_id, route, channels, due_at) VALUES %s ON CONFLICT (alert_id) DO NOTHING
"""
_TAKE = """
    WITH taken AS (
        UPDATE callwatch.digest_entries SET sent_at = %(now)s
        WHERE alert_id IN (SELECT alert_id FROM callwatch.digest_entries WHERE sent_at IS NULL AND due_at <= %(now)s
                           ORDER BY alert_id FOR UPDATE SKIP LOCKED)
        RETURNING alert_id, route, channels)
    SELECT taken.route, taken.channels, alerts.id, alerts.rule_id, alerts.title, alerts.level, alerts.state,
        left(alerts.message, 500) AS message, alerts.labels, alerts.started_at, alerts.runbook_url, alerts.end_reason
    FROM taken JOIN callwatch.alerts ON alerts.id = taken.alert_id
    ORDER BY taken.route, alerts.state, alerts.started_at, alerts.id
"""


class DigestAlert(TypedDict):
    """An alert of a digest, and where it goes."""

    route: str
    channels: list[str]
    id: int
    rule_id: str
    title: str
    level: Level
    state: AlertState
    message: str
    labels: dict[str, str]
    started_at: datetime
    runbook_url: str
    end_reason: EndReason | None


def add_digest_entries(conn: AnyConnection, rows: Sequence[tuple[int, str, list[str], datetime]]) -> None:
    """Add alerts (id, route, channels, due_at) that are in no digest yet. The caller commits."""
    if rows:
        with conn.cursor() as cursor:
            execute_values(cursor, _ADD, rows, "(%s, %s, %s::text[], %s)", page_size=10_000)


def take_due_digests(conn: AnyConnection, now: datetime) -> list[DigestAlert]:
    """Mark the entries that are due as sent, and return them: firing ones first. The caller commits."""
    rows = fetch_all(conn, _TAKE, {"now": now}, DigestAlert)
    return [{**row, "labels": clean_labels(row["labels"])} for row in rows]
