"""Occurrences of errors: the latest of a group, the latest critical ones."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from callwatch.db.connect import AnyConnection
from callwatch.db.error_counts import SCOPE
from callwatch.db.query import fetch_all

_RECENT_CRITICAL = f"""
    SELECT occurred_at, message, category, payload->'context' AS context FROM callwatch.error_logs
    WHERE severity = 'critical' AND day >= %(day)s AND occurred_at >= %(since)s AND {SCOPE}
    ORDER BY occurred_at DESC LIMIT %(limit)s
"""
_OF_GROUP = """
    SELECT replace(event_id::text, '-', '') AS event_id, occurred_at, received_at, severity, type, message, endpoint, release,
           service, payload::text AS payload
    FROM callwatch.error_logs
    WHERE group_id = %(group_id)s AND day >= %(day)s AND occurred_at >= %(since)s
    ORDER BY occurred_at DESC LIMIT %(limit)s
"""


def recent_critical(conn: AnyConnection, since: datetime, scope: Mapping[str, Any], limit: int) -> list[dict[str, Any]]:
    """Rows occurred_at, message, category, context of critical errors, newest first."""
    return fetch_all(conn, _RECENT_CRITICAL, {**scope, "since": since, "day": since.date(), "limit": limit})


def occurrences_of(conn: AnyConnection, group_id: int, since: datetime, limit: int) -> list[dict[str, Any]]:
    """Rows event_id, occurred_at, received_at, severity, type, message, endpoint, release, service, payload (JSON text; None
    where it was sampled out), newest first."""
    return fetch_all(conn, _OF_GROUP, {"group_id": group_id, "since": since, "day": since.date(), "limit": limit})
