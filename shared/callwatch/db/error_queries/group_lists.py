"""Error groups as lists: filtered, searched, one page at a time by key, fast however many there are."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypedDict

from psycopg2 import sql

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import fetch_all, fetch_one
from callwatch.models.error import Category, GroupSort, GroupStatus, Severity
from callwatch.models.shapes.error_groups import GroupEvent, GroupRelease
from callwatch.models.shapes.stored import GroupDetailFields, GroupFields

COLUMNS = """id, fingerprint, title, message, type, severity, category, state, count, users, first_seen_at, last_seen_at,
    environment, release, level, project_id, sampled AS sampled_occurrences, assigned_to, service"""
# The statement holds only the given filters, so that the planner finds their index.
_FILTERS = {
    "state": "state = %(state)s",
    "severity": "severity = %(severity)s",
    "category": "category = %(category)s",
    "environment": "environment = %(environment)s",
    "release": """EXISTS (SELECT FROM callwatch.error_group_releases known
        WHERE known.release = %(release)s AND known.group_id = error_groups.id)""",
    "tag": """EXISTS (SELECT FROM callwatch.error_group_tags known
        WHERE known.tags @> ARRAY[%(tag)s] AND known.group_id = error_groups.id)""",
    "service": """EXISTS (SELECT FROM callwatch.error_group_tags known
        WHERE known.tags @> ARRAY['service:' || %(service)s] AND known.group_id = error_groups.id)""",
    "type": "type = %(type)s",
    "level": "level = %(level)s",
    "ids": "id = ANY (%(ids)s)",
    "project": "project_id = %(project)s",
    "since": "last_seen_at >= %(since)s",
    "until": "first_seen_at < %(until)s",
    "q": """EXISTS (SELECT FROM callwatch.error_group_words known
        WHERE known.words @@ %(q)s::tsquery AND known.group_id = error_groups.id)""",
}
_PLACE_OF = "coalesce(array_position(ARRAY['debug', 'info', 'warning', 'error', 'fatal'], {}), 0)"
_LEVEL_PLACE = _PLACE_OF.format("level")
# What each order compares, and its place: each has an index in this order, which ends with the id.
_ORDERS: Mapping[GroupSort, tuple[str, str]] = {
    "last_seen": ("last_seen_at", "before_at"),
    "first_seen": ("first_seen_at", "before_at"),
    "count": ("count", "before_number"),
    "users": ("users", "before_number"),
    "level": (_LEVEL_PLACE, "before_number"),
    "release": ("coalesce(release, '')", "before_text"),
    "service": ("coalesce(service, '')", "before_text"),
}
# A single one of these has an index in the order of the last occurrence.
_INDEXED = frozenset({"state", "severity", "category", "environment", "type", "project"})
# The planner cannot know whether two conditions meet, nor where in an order their groups stand: it walks through all groups in
# the hope of a full page, or sorts nearly all of them. So a list with conditions first walks a part of the order, which fills the
# page if the conditions are common there, and otherwise collects what meets the conditions, and sorts that.
_WALKED = 3_000
_IN_ORDER = """
    SELECT {columns} FROM callwatch.error_groups WHERE {where} ORDER BY {compared} DESC, id DESC LIMIT %(limit)s
"""
_WALK = """
    SELECT {columns} FROM (
        SELECT * FROM callwatch.error_groups WHERE {begin} ORDER BY {compared} DESC, id DESC LIMIT %(most)s
    ) AS error_groups WHERE {where} ORDER BY {compared} DESC, id DESC LIMIT %(limit)s
"""
_COLLECT = """
    WITH found AS MATERIALIZED (
        SELECT id AS found_id, {compared} AS place FROM callwatch.error_groups WHERE {where}
    ), page AS MATERIALIZED (
        SELECT found_id, place FROM found ORDER BY place DESC, found_id DESC LIMIT %(limit)s
    )
    SELECT {columns} FROM page JOIN callwatch.error_groups ON id = found_id ORDER BY place DESC, found_id DESC
"""
# Open groups by severity, each from the index of its severity.
_WORST_OPEN = f"""
    SELECT worst.* FROM unnest(ARRAY['critical', 'high', 'medium', 'low']) WITH ORDINALITY AS wanted (severity, place)
    CROSS JOIN LATERAL (
        SELECT {COLUMNS} FROM callwatch.error_groups
        WHERE error_groups.severity = wanted.severity AND state IN ('new', 'regressed', 'unresolved') AND project_id <> 0
            AND last_seen_at >= %(since)s
        ORDER BY last_seen_at DESC, id DESC LIMIT %(limit)s
    ) AS worst
    ORDER BY wanted.place, worst.last_seen_at DESC, worst.id DESC LIMIT %(limit)s
"""
_BY_ID = f"""
    SELECT {COLUMNS}, endpoint, resolved_in_release, ignored_until, first_release
    FROM callwatch.error_groups WHERE id = %s
"""
_BY_MERGED_ID = "SELECT group_id FROM callwatch.error_group_merges WHERE merged_id = %s"
_BY_FINGERPRINT = """
    SELECT group_id FROM callwatch.error_fingerprints WHERE fingerprint = %s ORDER BY group_id DESC LIMIT 1
"""
_RELEASES = """
    SELECT release, count, first_seen_at, last_seen_at FROM callwatch.error_group_releases
    WHERE group_id = %s ORDER BY last_seen_at DESC, release LIMIT 50
"""
_TAGS = "SELECT tags FROM callwatch.error_group_tags WHERE group_id = %s"
_HISTORY = (
    "SELECT at, actor, action, reason, details FROM callwatch.error_group_history WHERE group_id = %s"
    " ORDER BY at DESC, id DESC LIMIT 200"
)


class GroupRow(GroupFields):
    """A group as a list shows it; users: 0 if no occurrence named one."""

    id: int
    users: int


class GroupDetailRow(GroupDetailFields):
    """One group."""

    id: int
    users: int


class GroupFilters(TypedDict, total=False):
    """Filters of a list of groups; None, or left out, means any, except that project 0 is shown only on request."""

    state: GroupStatus | None
    severity: Severity | None
    category: Category | None
    environment: str | None
    release: str | None
    type: str | None
    tag: str | None
    service: str | None
    project: int | None
    since: datetime | None
    until: datetime | None
    # A tsquery.
    q: str | None
    level: str | None
    ids: Sequence[int] | None
    sort: GroupSort | None
    # The place of the last group of the page before: its value in the order, and its id.
    before_at: datetime | None
    before_number: int | None
    before_text: str | None
    before_id: int | None


class _IdRow(TypedDict):
    group_id: int


class _TagsRow(TypedDict):
    tags: list[str]


def list_groups(conn: AnyConnection, filters: GroupFilters, limit: int) -> list[GroupRow]:
    """Groups in the order of `sort`: the last seen, the largest, the highest level or the last name first."""
    given = {name: value for name, value in filters.items() if value is not None}
    compared, place = _ORDERS[filters.get("sort") or "last_seen"]
    names = [name for name in _FILTERS if name in given]
    where = [_FILTERS[name] for name in names] + ([] if "project" in given else ["project_id <> 0"])
    begin = [f"({compared}, id) < (%({place})s, %(before_id)s)"] if "before_id" in given else []
    if compared == _LEVEL_PLACE and "level" in given:
        # One level has one place in the order of levels: the walk begins there.
        begin.append(f"{compared} = {_PLACE_OF.format('%(level)s')}")
    given |= {"limit": limit, "most": _WALKED}
    if "ids" in given or not names or (compared == "last_seen_at" and len(names) == 1 and names[0] in _INDEXED):
        return fetch_all(conn, _render(conn, _IN_ORDER, compared, [*where, *begin]), given, GroupRow)
    rows = fetch_all(conn, _render(conn, _WALK, compared, where, begin), given, GroupRow)
    if len(rows) == limit:
        return rows
    return fetch_all(conn, _render(conn, _COLLECT, compared, [*where, *begin]), given, GroupRow)


def _render(conn: AnyConnection, statement: str, compared: str, where: Sequence[str], begin: Sequence[str] = ()) -> str:
    return (
        sql.SQL(statement)
        .format(
            columns=sql.SQL(COLUMNS),
            compared=sql.SQL(compared),
            where=sql.SQL(" AND ").join(map(sql.SQL, where)) if where else sql.SQL("true"),
            begin=sql.SQL(" AND ").join(map(sql.SQL, begin)) if begin else sql.SQL("true"),
        )
        .as_string(conn)
    )


def list_worst_open(conn: AnyConnection, since: datetime, limit: int) -> list[GroupRow]:
    """Open groups that occurred since then: the most severe first, then the last seen."""
    return fetch_all(conn, _WORST_OPEN, {"since": since, "limit": limit}, GroupRow)


def find_group(conn: AnyConnection, name: str) -> GroupDetailRow | None:
    """The group with this id, the one that took it, or the one that this fingerprint maps to."""
    if name.isascii() and name.isdigit() and len(name) < 19:
        found = fetch_one(conn, _BY_ID, (int(name),), GroupDetailRow)
        row = fetch_one(conn, _BY_MERGED_ID, (int(name),), _IdRow) if found is None else None
    elif "\x00" in name or len(name) > 300:
        return None
    else:
        found, row = None, fetch_one(conn, _BY_FINGERPRINT, (name,), _IdRow)
    return found or (fetch_one(conn, _BY_ID, (row["group_id"],), GroupDetailRow) if row else None)


def list_releases(conn: AnyConnection, group_id: int) -> list[GroupRelease]:
    """The releases in which the group occurred; the last seen first, at most 50."""
    return fetch_all(conn, _RELEASES, (group_id,), GroupRelease)


def list_tags(conn: AnyConnection, group_id: int) -> list[str]:
    """Tags of the group as "key:value", in order of first appearance."""
    row = fetch_one(conn, _TAGS, (group_id,), _TagsRow)
    return list(row["tags"]) if row else []


def list_history(conn: AnyConnection, group_id: int) -> list[GroupEvent]:
    """Who did what to the group, and why; newest first."""
    return fetch_all(conn, _HISTORY, (group_id,), GroupEvent)
