"""used_links: links in messages that somebody used, and signed requests that were carried out."""

from datetime import datetime

from callwatch.db.core.connect import AnyConnection

_USE = """
INSERT INTO callwatch.used_links (link_hash, alert_id, channel, used_at, ends_at)
VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (link_hash) DO NOTHING
"""
_FIND = "SELECT FROM callwatch.used_links WHERE link_hash = %s"
# Bounded, so that a link waits for no large deletion.
_FORGET = """
DELETE FROM callwatch.used_links
WHERE link_hash IN (SELECT link_hash FROM callwatch.used_links WHERE ends_at < %s ORDER BY ends_at LIMIT 100)
"""


def use_link(conn: AnyConnection, link_hash: str, alert_id: str, channel: str, now: datetime, ends_at: datetime) -> bool:
    """Mark a link as used; False if it was used before. Of two users at once the second waits for the first."""
    with conn.cursor() as cursor:
        cursor.execute(_USE, (link_hash, alert_id, channel, now, ends_at))
        return bool(cursor.rowcount)


def is_link_used(conn: AnyConnection, link_hash: str) -> bool:
    """Whether a link was used."""
    with conn.cursor() as cursor:
        cursor.execute(_FIND, (link_hash,))
        return bool(cursor.rowcount)


def forget_ended_links(conn: AnyConnection, now: datetime) -> None:
    """Delete some of the links that ended."""
    with conn.cursor() as cursor:
        cursor.execute(_FORGET, (now,))
