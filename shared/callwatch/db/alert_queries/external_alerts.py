"""Alerts of other monitors: the last state of each, and the projects that have too many."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import datetime, timedelta
from typing import TypedDict

from psycopg2.extras import Json, execute_values

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import execute, fetch_all

# Of one project, firing or not.
MAX_ALERTS = 1_000
_RESOLVED_KEPT = timedelta(days=7)
_FORGOTTEN_AFTER = timedelta(days=400)
MAX_READ = 5_000

_KNOWN = """
    SELECT k.source, k.fingerprint FROM callwatch.external_alerts
    JOIN unnest(%(sources)s::text[], %(fingerprints)s::text[]) AS k (source, fingerprint) USING (source, fingerprint)
    WHERE project_id = %(project_id)s
"""
_MAKE_ROOM = """
    DELETE FROM callwatch.external_alerts WHERE (project_id, source, fingerprint) IN (
        SELECT project_id, source, fingerprint FROM callwatch.external_alerts
        WHERE project_id = %(project_id)s AND NOT is_firing AND NOT fingerprint = ANY (%(fingerprints)s)
        ORDER BY changed_at LIMIT %(wanted)s)
"""
_COUNT = "SELECT count(*)::int AS count FROM callwatch.external_alerts WHERE project_id = %s"
# A repetition extends what fires; of two states at one time, the end counts.
_KEEP = """
    INSERT INTO callwatch.external_alerts AS known
        (project_id, source, fingerprint, is_firing, level, name, labels, summary, starts_at, changed_at, expires_at)
    VALUES %s
    ON CONFLICT (project_id, source, fingerprint) DO UPDATE SET
        is_firing = EXCLUDED.is_firing, level = EXCLUDED.level, name = EXCLUDED.name, labels = EXCLUDED.labels,
        summary = EXCLUDED.summary, changed_at = EXCLUDED.changed_at, expires_at = EXCLUDED.expires_at,
        starts_at = CASE WHEN known.is_firing AND EXCLUDED.is_firing THEN least(known.starts_at, EXCLUDED.starts_at)
                         ELSE EXCLUDED.starts_at END
    WHERE EXCLUDED.changed_at > known.changed_at
       OR (EXCLUDED.changed_at = known.changed_at AND known.is_firing AND NOT EXCLUDED.is_firing)
"""
_REFUSE = """
    INSERT INTO callwatch.external_alerts_refused AS known (project_id, last_at) VALUES (%s, %s)
    ON CONFLICT (project_id) DO UPDATE SET last_at = greatest(known.last_at, EXCLUDED.last_at)
"""
_RECENT = """
    SELECT project_id, source, is_firing AND (expires_at IS NULL OR expires_at > %(now)s) AS is_firing,
           is_firing AND coalesce(expires_at <= %(now)s, false) AS is_expired, level, name, labels, summary, starts_at, changed_at
    FROM callwatch.external_alerts WHERE is_firing OR changed_at > %(since)s
    ORDER BY project_id, source, fingerprint LIMIT %(limit)s
"""
_REFUSED = "SELECT project_id, last_at FROM callwatch.external_alerts_refused WHERE last_at >= %s ORDER BY project_id LIMIT 20"
_FORGET = """
    DELETE FROM callwatch.external_alerts WHERE (NOT is_firing AND changed_at < %(resolved)s) OR changed_at < %(any)s
        OR expires_at < %(resolved)s
"""


@dataclass(frozen=True, slots=True)
class NewAlert:
    """The state of an alert from elsewhere at a time; the fields in the order of the table."""

    project_id: int
    source: str
    fingerprint: str
    is_firing: bool
    level: str
    name: str
    labels: dict[str, str]
    summary: str | None
    starts_at: datetime
    changed_at: datetime
    expires_at: datetime | None


class AlertRow(TypedDict):
    """An alert from elsewhere with its last state. is_firing: and repeated lately, if its source repeats; is_expired: it fired,
    and was not repeated.
    """

    project_id: int
    source: str
    is_firing: bool
    is_expired: bool
    level: str
    name: str
    labels: dict[str, str]
    summary: str | None
    starts_at: datetime
    changed_at: datetime


class RefusedAlerts(TypedDict):
    """A project with too many alerts at once."""

    project_id: int
    last_at: datetime


class _Key(TypedDict):
    source: str
    fingerprint: str


class _Count(TypedDict):
    count: int


def keep_alerts(conn: AnyConnection, alerts: Sequence[NewAlert]) -> int:
    """Store the newest state of each alert, and return how many rows changed; the caller commits.

    New ones beyond MAX_ALERTS are not kept, and the project is noted.
    """
    newest: dict[tuple[int, str, str], NewAlert] = {}
    for alert in sorted(alerts, key=lambda each: (each.changed_at, not each.is_firing)):
        newest[alert.project_id, alert.source, alert.fingerprint] = alert
    changed = 0
    for project_id in sorted({key[0] for key in newest}):
        own = [newest[key] for key in sorted(newest) if key[0] == project_id]
        kept = _fit(conn, project_id, own)
        rows = [(*astuple(alert)[:6], Json(alert.labels), *astuple(alert)[7:]) for alert in kept]
        if rows:
            with conn.cursor() as cursor:
                execute_values(cursor, _KEEP, rows, page_size=MAX_ALERTS)
                changed += cursor.rowcount
    return changed


def _fit(conn: AnyConnection, project_id: int, alerts: Sequence[NewAlert]) -> list[NewAlert]:
    """The alerts that there is room for; those that ended longest ago make room."""
    params: dict[str, object] = {"project_id": project_id}
    params |= {"sources": [alert.source for alert in alerts], "fingerprints": [alert.fingerprint for alert in alerts]}
    known = {(row["source"], row["fingerprint"]) for row in fetch_all(conn, _KNOWN, params, _Key)}
    # An end is kept, too: the beginning may still arrive. What fires comes first.
    new = [alert for alert in alerts if (alert.source, alert.fingerprint) not in known]
    new.sort(key=lambda alert: not alert.is_firing)
    (counted,) = fetch_all(conn, _COUNT, (project_id,), _Count)
    room = MAX_ALERTS - counted["count"]
    if room < len(new):
        room += execute(conn, _MAKE_ROOM, {**params, "wanted": len(new) - room})
    left_out = [alert.changed_at for alert in new[max(0, room) :] if alert.is_firing]
    if left_out:
        execute(conn, _REFUSE, (project_id, max(left_out)))
    return [*(alert for alert in alerts if (alert.source, alert.fingerprint) in known), *new[: max(0, room)]]


def list_recent_alerts(conn: AnyConnection, now: datetime, since: datetime) -> list[AlertRow]:
    """Every alert that fires, and those that ended after a time."""
    return fetch_all(conn, _RECENT, {"now": now, "since": since, "limit": MAX_READ}, AlertRow)


def list_refused_alerts(conn: AnyConnection, since: datetime) -> list[RefusedAlerts]:
    """The projects whose alerts were not all kept since a time."""
    return fetch_all(conn, _REFUSED, (since,), RefusedAlerts)


def forget_alerts(conn: AnyConnection, now: datetime) -> int:
    """Delete alerts that ended a week ago, and return how many; the caller commits."""
    execute(conn, "DELETE FROM callwatch.external_alerts_refused WHERE last_at < %s", (now - _RESOLVED_KEPT,))
    return execute(conn, _FORGET, {"resolved": now - _RESOLVED_KEPT, "any": now - _FORGOTTEN_AFTER})
