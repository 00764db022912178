"""Uploaded bundles of source maps, and where the scripts in them are found."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, TypedDict

from psycopg2.extras import execute_values

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import execute, fetch_all, fetch_one
from callwatch.db.core.values import execute_rows

_PROJECTS = "SELECT DISTINCT project_id FROM callwatch.source_bundles"
_COLUMNS = """
    bundle.id AS bundle_id, bundle.project_id, bundle.checksum, bundle.release, bundle.dist, known.url, known.debug_id,
    known.script_method, known.script_start, known.script_bytes, known.map_method, known.map_start, known.map_bytes
"""
# The newest upload of the same script comes last, and wins.
_BY_DEBUG_ID = f"""
    SELECT {_COLUMNS} FROM callwatch.source_maps known JOIN callwatch.source_bundles bundle ON bundle.id = known.bundle_id
    WHERE known.debug_id = ANY (%(debug_ids)s) AND bundle.project_id = ANY (%(project_ids)s)
    ORDER BY bundle.uploaded_at, bundle.id
"""
_BY_ADDRESS = f"""
    SELECT {_COLUMNS} FROM callwatch.source_maps known JOIN callwatch.source_bundles bundle ON bundle.id = known.bundle_id
    JOIN (VALUES %s) AS wanted (project_id, release, dist, url)
      ON (bundle.project_id, bundle.release, bundle.dist, known.url)
       = (wanted.project_id::integer, wanted.release, wanted.dist, wanted.url)
    ORDER BY bundle.uploaded_at, bundle.id
"""
_SAVE_BUNDLE = """
    INSERT INTO callwatch.source_bundles AS known (project_id, checksum, release, dist, size_bytes, uploaded_at, used_at)
    VALUES (%(project_id)s, %(checksum)s, %(release)s, %(dist)s, %(size_bytes)s, %(now)s, %(now)s)
    ON CONFLICT (project_id, checksum) DO UPDATE SET
        release = EXCLUDED.release, dist = EXCLUDED.dist, uploaded_at = EXCLUDED.uploaded_at, used_at = EXCLUDED.used_at
    RETURNING id
"""
_ADD_SCRIPTS = """
    INSERT INTO callwatch.source_maps (bundle_id, url, debug_id, script_method, script_start, script_bytes, map_method, map_start,
        map_bytes) VALUES %s ON CONFLICT DO NOTHING
"""
_FIND_BUNDLE = "SELECT id FROM callwatch.source_bundles WHERE project_id = %(project_id)s AND checksum = %(checksum)s"
_NOTE_UPLOAD = """
    UPDATE callwatch.source_bundles SET release = %(release)s, dist = %(dist)s, uploaded_at = %(now)s, used_at = %(now)s
    WHERE project_id = %(project_id)s AND checksum = %(checksum)s
"""
_TOUCH = """
    UPDATE callwatch.source_bundles SET used_at = %(now)s WHERE id = ANY (%(ids)s) AND used_at < %(now)s - interval '1 day'
"""
_EXPIRED = """
    SELECT id, project_id, checksum FROM callwatch.source_bundles WHERE used_at < %(before)s ORDER BY used_at LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
"""
_DELETE = "DELETE FROM callwatch.source_bundles WHERE id = ANY (%(ids)s)"
_TAKEN = """
    SELECT DISTINCT known.project_id, known.environment, known.replaces AS fingerprint FROM callwatch.error_fingerprints known
    JOIN (VALUES %s) AS wanted (project_id, environment, fingerprint)
      ON (known.project_id, known.environment, known.replaces) = (wanted.project_id, wanted.environment, wanted.fingerprint)
"""
_SET_REPLACED = """
    UPDATE callwatch.error_fingerprints AS known SET replaces = given.replaces
    FROM (VALUES %s) AS given (project_id, environment, fingerprint, replaces)
    WHERE (known.project_id, known.environment, known.fingerprint) = (given.project_id, given.environment, given.fingerprint)
"""

Key = tuple[int, str, str]


class ScriptRow(TypedDict):
    """Where a script and its map lie in a bundle."""

    bundle_id: int
    project_id: int
    checksum: str
    release: str
    dist: str
    url: str
    debug_id: str | None
    script_method: int | None
    script_start: int | None
    script_bytes: int | None
    map_method: int | None
    map_start: int | None
    map_bytes: int | None


class BundleRow(TypedDict):
    """A bundle as it is named in the store."""

    id: int
    project_id: int
    checksum: str


class _IdRow(TypedDict):
    id: int


class _ProjectRow(TypedDict):
    project_id: int


def list_projects_with_maps(conn: AnyConnection) -> set[int]:
    """The projects that have a bundle."""
    return {row["project_id"] for row in fetch_all(conn, _PROJECTS, {}, _ProjectRow)}


def find_by_debug_id(conn: AnyConnection, project_ids: Collection[int], debug_ids: Collection[str]) -> list[ScriptRow]:
    """Scripts by debug id, the newest upload last."""
    given = {"project_ids": sorted(project_ids), "debug_ids": sorted(debug_ids)}
    return fetch_all(conn, _BY_DEBUG_ID, given, ScriptRow) if debug_ids else []


def find_by_address(conn: AnyConnection, wanted: Collection[tuple[int, str, str, str]]) -> list[ScriptRow]:
    """Scripts by project, release, dist and address, the newest upload last."""
    if not wanted:
        return []
    with conn.cursor() as cursor:
        rows = execute_values(cursor, _BY_ADDRESS, sorted(wanted), page_size=len(wanted), fetch=True)
    names = list(ScriptRow.__annotations__)
    return [ScriptRow(**dict(zip(names, row, strict=True))) for row in rows]  # type: ignore[typeddict-item]


def save_bundle(conn: AnyConnection, bundle: Mapping[str, object], scripts: Sequence[tuple[Any, ...]]) -> None:
    """Record a bundle and its scripts: rows of source_maps without the bundle's id. The caller commits."""
    row = fetch_one(conn, _SAVE_BUNDLE, bundle, _IdRow)
    if row:
        execute_rows(conn, _ADD_SCRIPTS, [(row["id"], *script) for script in scripts])


def has_bundle(conn: AnyConnection, project_id: int, checksum: str) -> bool:
    """Whether a project has this bundle."""
    return fetch_one(conn, _FIND_BUNDLE, {"project_id": project_id, "checksum": checksum}, _IdRow) is not None


def note_upload(conn: AnyConnection, project_id: int, checksum: str, release: str, dist: str, now: datetime) -> None:
    """Record that a known bundle was sent again. The caller commits."""
    given = {"project_id": project_id, "checksum": checksum, "release": release, "dist": dist, "now": now}
    execute(conn, _NOTE_UPLOAD, given)


def note_use(conn: AnyConnection, bundle_ids: Collection[int], now: datetime) -> None:
    """Record that bundles are in use; written at most once a day. The caller commits."""
    if bundle_ids:
        execute(conn, _TOUCH, {"ids": sorted(bundle_ids), "now": now})


def lock_expired(conn: AnyConnection, before: datetime, limit: int) -> list[BundleRow]:
    """Bundles that were neither uploaded nor used since a time, locked until the transaction ends."""
    return fetch_all(conn, _EXPIRED, {"before": before, "limit": limit}, BundleRow)


def delete_bundles(conn: AnyConnection, ids: Sequence[int]) -> None:
    """Delete bundles with their scripts. The caller commits."""
    execute(conn, _DELETE, {"ids": list(ids)})


def list_taken(conn: AnyConnection, minified: Collection[Key]) -> set[Key]:
    """Those of the fingerprints by minified stacks whose group a resolved stack took over."""
    if not minified:
        return set()
    with conn.cursor() as cursor:
        rows = execute_values(cursor, _TAKEN, sorted(minified), page_size=len(minified), fetch=True)
    return {(row[0], row[1], row[2]) for row in rows}


def set_replaced(conn: AnyConnection, replaced: Mapping[Key, str]) -> None:
    """Record which fingerprint by a minified stack each of these replaces. The caller commits."""
    execute_rows(conn, _SET_REPLACED, [(*key, minified) for key, minified in sorted(replaced.items())])
