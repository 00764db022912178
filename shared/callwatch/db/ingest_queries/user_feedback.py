"""What users wrote about errors, each message once."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TypedDict

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import execute, fetch_all
from callwatch.db.core.values import execute_rows
from callwatch.models.telemetry import Feedback

_INSERT = """
    INSERT INTO callwatch.user_feedback (feedback_id, project_id, environment, event_id, at, message, user_hash)
    VALUES %s ON CONFLICT (feedback_id) DO NOTHING
"""
# Only the latest messages are searched: those of a busy project must not make one group slow to read.
_OF_GROUP = """
    WITH wanted AS (SELECT id, project_id, environment FROM callwatch.error_groups WHERE id = %(group_id)s),
    latest AS (
        SELECT * FROM callwatch.user_feedback
        WHERE project_id = (SELECT project_id FROM wanted) AND event_id IS NOT NULL
        ORDER BY at DESC LIMIT 1000
    )
    SELECT feedback_id::text AS id, replace(event_id::text, '-', '') AS event_id, at, message FROM latest
    WHERE EXISTS (
        SELECT FROM callwatch.error_logs AS known, wanted
        WHERE known.day BETWEEN latest.at::date - 7 AND latest.at::date + 1 AND known.project_id = wanted.project_id
          AND known.environment = wanted.environment AND known.event_id = latest.event_id
          AND known.group_id = ANY (%(stored_ids)s) AND known.deleted_at IS NULL)
    ORDER BY at DESC LIMIT %(most)s
"""


class FeedbackRow(TypedDict):
    """A message; event_id: of the error that it is about, as 32 hex digits."""

    id: str
    event_id: str
    at: datetime
    message: str


def insert_feedback(conn: AnyConnection, found: Iterable[tuple[int, Feedback]]) -> None:
    """Store messages with their projects, each once. The caller commits."""
    rows = [(f.feedback_id, project, f.environment, f.event_id, f.at, f.message, f.user_hash) for project, f in found]
    execute_rows(conn, _INSERT, sorted(rows, key=lambda row: row[0]))


def list_group_feedback(conn: AnyConnection, group_id: int, stored_ids: Sequence[int], most: int) -> list[FeedbackRow]:
    """The latest messages about the occurrences of a group, which are stored under some ids."""
    return fetch_all(conn, _OF_GROUP, {"group_id": group_id, "stored_ids": list(stored_ids), "most": most}, FeedbackRow)


def delete_feedback_before(conn: AnyConnection, before: datetime) -> None:
    """Delete old messages; the caller commits."""
    execute(conn, "DELETE FROM callwatch.user_feedback WHERE at < %s", (before,))
