"""Check-ins of the product's jobs: monitors, their newest check-ins, and the projects that have too many."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypedDict

from psycopg2.extras import execute_values

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import execute, fetch_all
from callwatch.db.core.values import execute_rows

# Of one project, in all environments.
MAX_MONITORS = 500
# Enough for the highest thresholds of runs with two check-ins each.
KEPT_CHECK_INS = 60
# A yearly job is due again before it is forgotten.
_FORGOTTEN_AFTER = timedelta(days=400)
# A monitor that makes room for a new one, where a project has too many.
_YIELDS_AFTER = timedelta(days=30)
_MAX_READ = 5_000

_FIND = """
    SELECT m.id, m.project_id, m.environment, m.slug FROM callwatch.check_in_monitors m
    JOIN unnest(%(projects)s::int[], %(environments)s::text[], %(slugs)s::text[]) AS k (project_id, environment, slug)
      USING (project_id, environment, slug)
"""
_COUNT = "SELECT count(*)::int AS count FROM callwatch.check_in_monitors WHERE project_id = %s"
_YIELD = """
    DELETE FROM callwatch.check_in_monitors WHERE id IN (
        SELECT id FROM callwatch.check_in_monitors WHERE project_id = %s AND last_at < %s ORDER BY last_at LIMIT %s)
"""
_CREATE = """
    INSERT INTO callwatch.check_in_monitors (project_id, environment, slug, first_at, last_at) VALUES %s
    ON CONFLICT (project_id, environment, slug) DO NOTHING
"""
_INSERT = """
    INSERT INTO callwatch.check_ins (monitor_id, message_id, run_id, status, at, duration_s, release) VALUES %s
    ON CONFLICT (monitor_id, message_id) DO NOTHING RETURNING message_id::text
"""
_TOUCH = """
    UPDATE callwatch.check_in_monitors m SET last_at = greatest(m.last_at, v.at::timestamptz)
    FROM (VALUES %s) AS v (id, at) WHERE m.id = v.id::bigint
"""
_CONFIGURE = """
    UPDATE callwatch.check_in_monitors SET config = %(config)s, config_at = %(at)s,
        schedule_since = CASE WHEN config->'schedule' IS NOT DISTINCT FROM %(config)s::jsonb->'schedule'
                              THEN schedule_since ELSE %(at)s END
    WHERE id = %(id)s AND (config_at IS NULL OR config_at <= %(at)s)
"""
_PRUNE = """
    DELETE FROM callwatch.check_ins c USING (
        SELECT monitor_id, message_id,
               row_number() OVER (PARTITION BY monitor_id ORDER BY at DESC, message_id) AS place
        FROM callwatch.check_ins WHERE monitor_id = ANY (%(ids)s)) AS ranked
    WHERE ranked.place > %(kept)s AND c.monitor_id = ranked.monitor_id AND c.message_id = ranked.message_id
"""
_REFUSE = """
    INSERT INTO callwatch.check_ins_refused AS known (project_id, last_at, slug) VALUES (%s, %s, %s)
    ON CONFLICT (project_id) DO UPDATE SET last_at = greatest(known.last_at, EXCLUDED.last_at), slug = EXCLUDED.slug
"""
_MONITORS = """
    SELECT id, project_id, environment, slug, config, schedule_since FROM callwatch.check_in_monitors
    ORDER BY project_id, slug, environment LIMIT %s
"""
_NEWEST = """
    SELECT m.id AS monitor_id, c.run_id::text AS run_id, c.status, c.at, c.duration_s
    FROM unnest(%s::bigint[]) AS m (id)
    CROSS JOIN LATERAL (SELECT * FROM callwatch.check_ins WHERE monitor_id = m.id ORDER BY at DESC LIMIT %s) AS c
"""
_REFUSED = "SELECT project_id, last_at, slug FROM callwatch.check_ins_refused WHERE last_at >= %s ORDER BY project_id LIMIT 20"
_FORGET = "DELETE FROM callwatch.check_in_monitors WHERE last_at < %s"
_FORGET_REFUSED = "DELETE FROM callwatch.check_ins_refused WHERE last_at < %s"

# Project, environment and slug.
MonitorKey = tuple[int, str, str]


@dataclass(frozen=True, slots=True)
class NewCheckIn:
    """A check-in to store. config: schedule and limits, if it brought some."""

    key: MonitorKey
    message_id: str
    run_id: str | None
    status: str
    at: datetime
    duration_s: float | None
    release: str | None
    config: Mapping[str, object] | None


class MonitorRow(TypedDict):
    """A monitor as stored."""

    id: int
    project_id: int
    environment: str
    slug: str
    config: dict[str, object] | None
    schedule_since: datetime | None


class CheckInRow(TypedDict):
    """A check-in as stored."""

    monitor_id: int
    run_id: str | None
    status: str
    at: datetime
    duration_s: float | None


class RefusedRow(TypedDict):
    """A project with too many monitors; slug: of the last one that was not kept."""

    project_id: int
    last_at: datetime
    slug: str


class _Found(TypedDict):
    id: int
    project_id: int
    environment: str
    slug: str


class _Count(TypedDict):
    count: int


def insert_check_ins(conn: AnyConnection, check_ins: Sequence[NewCheckIn]) -> int:
    """Store check-ins, each once, and return how many were new; the caller commits.

    Those of monitors beyond MAX_MONITORS are not kept, and the project is noted.
    """
    ids = _find_or_create(conn, check_ins)
    kept = sorted((each for each in check_ins if each.key in ids), key=lambda each: (ids[each.key], each.message_id))
    rows = {
        (ids[each.key], each.message_id): (
            ids[each.key], each.message_id, each.run_id, each.status, each.at, each.duration_s, each.release,
        )
        for each in kept
    }  # fmt: skip
    if not rows:
        return 0
    with conn.cursor() as cursor:
        found = execute_values(cursor, _INSERT, list(rows.values()), page_size=1000, fetch=True)
        newest = {ids[each.key]: each.at for each in sorted(kept, key=lambda each: each.at)}
        execute_values(cursor, _TOUCH, sorted(newest.items()), page_size=1000)
    configured = {ids[each.key]: each for each in sorted(kept, key=lambda each: each.at) if each.config is not None}
    for monitor_id, each in sorted(configured.items()):
        execute(conn, _CONFIGURE, {"id": monitor_id, "config": json.dumps(each.config), "at": each.at})
    execute(conn, _PRUNE, {"ids": sorted(newest), "kept": KEPT_CHECK_INS})
    return len(found)


def _find_or_create(conn: AnyConnection, check_ins: Sequence[NewCheckIn]) -> dict[MonitorKey, int]:
    first_seen: dict[MonitorKey, datetime] = {}
    for each in check_ins:
        first_seen[each.key] = min(each.at, first_seen.get(each.key, each.at))
    known = _find(conn, list(first_seen))
    missing = sorted(key for key in first_seen if key not in known)
    if not missing:
        return known
    created: list[MonitorKey] = []
    for project_id in sorted({key[0] for key in missing}):
        wanted = [key for key in missing if key[0] == project_id]
        room = _make_room(conn, project_id, len(wanted), max(first_seen[key] for key in wanted))
        created += wanted[:room]
        for key in wanted[room:][:1]:
            execute(conn, _REFUSE, (project_id, first_seen[key], key[2]))
    execute_rows(conn, _CREATE, [(*key, first_seen[key], first_seen[key]) for key in created])
    return _find(conn, list(first_seen))


def _make_room(conn: AnyConnection, project_id: int, wanted: int, now: datetime) -> int:
    """How many new monitors the project may have; those that have been silent for long make room."""
    (counted,) = fetch_all(conn, _COUNT, (project_id,), _Count)
    room = MAX_MONITORS - counted["count"]
    if room < wanted:
        room += execute(conn, _YIELD, (project_id, now - _YIELDS_AFTER, wanted - room))
    return max(0, min(room, wanted))


def _find(conn: AnyConnection, keys: Sequence[MonitorKey]) -> dict[MonitorKey, int]:
    params = {
        "projects": [key[0] for key in keys],
        "environments": [key[1] for key in keys],
        "slugs": [key[2] for key in keys],
    }
    rows = fetch_all(conn, _FIND, params, _Found)
    return {(row["project_id"], row["environment"], row["slug"]): row["id"] for row in rows}


def list_monitors(conn: AnyConnection) -> list[MonitorRow]:
    """Every monitor, by project, slug and environment."""
    return fetch_all(conn, _MONITORS, (_MAX_READ,), MonitorRow)


def list_newest_check_ins(conn: AnyConnection, monitor_ids: Iterable[int]) -> dict[int, list[CheckInRow]]:
    """The newest check-ins of each of these monitors."""
    found: dict[int, list[CheckInRow]] = {}
    for row in fetch_all(conn, _NEWEST, (list(monitor_ids), KEPT_CHECK_INS), CheckInRow):
        found.setdefault(row["monitor_id"], []).append(row)
    return found


def list_refused(conn: AnyConnection, since: datetime) -> list[RefusedRow]:
    """The projects whose check-ins were not all kept since a time."""
    return fetch_all(conn, _REFUSED, (since,), RefusedRow)


def forget_monitors(conn: AnyConnection, now: datetime) -> int:
    """Delete monitors without a check-in for more than a year, and return how many; the caller commits."""
    execute(conn, _FORGET_REFUSED, (now - _YIELDS_AFTER,))
    return execute(conn, _FORGET, (now - _FORGOTTEN_AFTER,))
