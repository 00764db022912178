"""The changes of the monitor's settings: one row for each, with a digest of the new value."""

from collections.abc import Mapping
from datetime import datetime

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import execute

# A setting that was never stored was not set. The row without a name says that there was a first cycle, even if nothing was set.
_KEEP = """
    WITH latest AS (SELECT DISTINCT ON (variable) variable, digest FROM callwatch.setting_changes ORDER BY variable, at DESC)
    INSERT INTO callwatch.setting_changes (variable, at, digest, is_baseline)
    SELECT variable, %(now)s, given.digest, NOT EXISTS (SELECT FROM callwatch.setting_changes)
    FROM unnest(%(variables)s::text[], %(digests)s::text[]) AS given (variable, digest) LEFT JOIN latest USING (variable)
    WHERE coalesce(latest.digest, '') <> given.digest
    UNION ALL SELECT '', %(now)s, '', true WHERE NOT EXISTS (SELECT FROM callwatch.setting_changes)
    ON CONFLICT (variable, at) DO NOTHING
"""
# The latest of each variable stays, however old: the next value is compared with it.
_DELETE = """
    DELETE FROM callwatch.setting_changes AS old WHERE at < %s AND EXISTS (
        SELECT FROM callwatch.setting_changes AS newer WHERE newer.variable = old.variable AND newer.at > old.at
    )
"""


def keep_settings(conn: AnyConnection, digests: Mapping[str, str], now: datetime) -> None:
    """Store the settings that changed since the last cycle. The caller commits."""
    execute(conn, _KEEP, {"now": now, "variables": list(digests), "digests": list(digests.values())})


def delete_changes_before(conn: AnyConnection, before: datetime) -> None:
    """Delete changes that another one followed. The caller commits."""
    execute(conn, _DELETE, (before,))
