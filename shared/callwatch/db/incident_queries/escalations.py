"""Steps of escalations: each is a row, which one transaction marks as sent together with its deliveries."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypedDict

from psycopg2.extras import execute_values

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import execute, fetch_all

# The rows stay locked until the caller commits; those that another evaluation holds are left to it.
_DUE = """
    SELECT steps.incident_id, steps.route, steps.step, steps.channels, steps.due_at
    FROM callwatch.escalations AS steps JOIN callwatch.incidents ON incidents.id = steps.incident_id
    WHERE steps.state = 'waiting' AND steps.due_at <= %(now)s AND incidents.state = 'open' AND incidents.owner IS NULL
    ORDER BY steps.due_at, steps.incident_id, steps.route, steps.step LIMIT 1000
    FOR UPDATE OF steps SKIP LOCKED
"""
# The cause first, then the worst.
_CANDIDATES = """
    SELECT alerts.incident_id, alerts.alert_key FROM callwatch.alerts
    JOIN callwatch.incidents ON incidents.id = alerts.incident_id
    WHERE alerts.state = 'firing' AND alerts.incident_id = ANY (%s)
    ORDER BY alerts.incident_id, alerts.id <> incidents.cause_alert_id,
        array_position(ARRAY['critical', 'error', 'warning', 'info'], alerts.level), alerts.started_at, alerts.id
"""
_SENT = """
    UPDATE callwatch.escalations SET state = 'sent', done_at = %(now)s
    WHERE incident_id = %(incident_id)s AND route = %(route)s AND step = %(step)s AND state = 'waiting'
"""
_BEGIN = """
    INSERT INTO callwatch.escalations (incident_id, route, step, due_at, channels)
    SELECT alerts.incident_id, given.route, given.step, min(given.due_at), given.channels
    FROM (VALUES %s) AS given (alert_id, route, step, due_at, channels)
    JOIN callwatch.alerts ON alerts.id = given.alert_id JOIN callwatch.incidents ON incidents.id = alerts.incident_id
    WHERE incidents.state = 'open' GROUP BY alerts.incident_id, given.route, given.step, given.channels
    ON CONFLICT (incident_id, route, step) DO NOTHING
"""
_BEGIN_ROW = "(%s::bigint, %s, %s::integer, %s::timestamptz, %s::text[])"
# A merged incident takes its steps along: what was sent stays sent, and what waits keeps the earlier time.
_MOVE = """
    WITH moved AS (
        DELETE FROM callwatch.escalations AS steps USING callwatch.incidents
        WHERE incidents.id = steps.incident_id AND incidents.merged_into IS NOT NULL
        RETURNING incidents.merged_into AS incident_id, steps.route, steps.step, steps.due_at, steps.channels, steps.state,
            steps.done_at)
    INSERT INTO callwatch.escalations AS mine (incident_id, route, step, due_at, channels, state, done_at)
    SELECT DISTINCT ON (incident_id, route, step) incident_id, route, step, due_at, channels, state, done_at
    FROM moved ORDER BY incident_id, route, step, state, due_at
    ON CONFLICT (incident_id, route, step) DO UPDATE SET due_at = least(mine.due_at, EXCLUDED.due_at),
        state = least(mine.state, EXCLUDED.state), done_at = coalesce(mine.done_at, EXCLUDED.done_at)
"""
_FORGET = """
    DELETE FROM callwatch.escalations AS steps USING callwatch.incidents
    WHERE incidents.id = steps.incident_id AND steps.state = 'waiting' AND incidents.state = 'resolved'
        AND incidents.resolved_at < %s - interval '1 day'
"""
_RESUME = """
    UPDATE callwatch.escalations SET due_at = greatest(due_at, %(since)s) + (%(now)s - %(since)s)
    WHERE incident_id = %(incident_id)s AND state = 'waiting'
"""


class DueStep(TypedDict):
    """A step whose time has come."""

    incident_id: int
    route: str
    step: int
    channels: list[str]
    due_at: datetime


class Candidate(TypedDict):
    """A firing alert of an incident."""

    incident_id: int
    alert_key: str


def lock_due_steps(conn: AnyConnection, now: datetime) -> list[DueStep]:
    """Steps that are due, of open incidents that nobody took; locked until the caller commits."""
    return fetch_all(conn, _DUE, {"now": now}, DueStep)


def list_candidates(conn: AnyConnection, incident_ids: Sequence[int]) -> list[Candidate]:
    """The firing alerts of incidents, the one to escalate first."""
    return fetch_all(conn, _CANDIDATES, (list(incident_ids),), Candidate)


def mark_step_sent(conn: AnyConnection, step: DueStep, now: datetime) -> bool:
    """Whether this call marked the step: of two, one does. The caller commits."""
    given = {"incident_id": step["incident_id"], "route": step["route"], "step": step["step"], "now": now}
    return execute(conn, _SENT, given) == 1


def begin_steps(conn: AnyConnection, rows: Sequence[tuple[int, str, int, datetime, list[str]]]) -> None:
    """Add the steps (alert id, route, step, due_at, channels) of incidents that have none of the route. The caller commits."""
    if rows:
        with conn.cursor() as cursor:
            execute_values(cursor, _BEGIN, rows, _BEGIN_ROW, page_size=10_000)


def settle_steps(conn: AnyConnection, now: datetime) -> None:
    """Move the steps of merged incidents, and delete those that never became due. The caller commits."""
    execute(conn, _MOVE)
    execute(conn, _FORGET, (now,))


def resume_steps(conn: AnyConnection, incident_id: int, taken_at: datetime, now: datetime) -> None:
    """Postpone the steps of a released incident by the time for which it was taken. The caller commits."""
    execute(conn, _RESUME, {"incident_id": incident_id, "since": taken_at, "now": now})
