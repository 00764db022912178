"""A lease: a row that one holder owns until it runs out, with no transaction held open meanwhile."""

from callwatch.db.pool import Connection
from callwatch.db.query import execute

# All times are the database's own: holders on different machines need no common clock.
_ACQUIRE = """
    INSERT INTO callwatch.leases (name, holder, expires_at)
    VALUES (%(name)s, %(holder)s, now() + make_interval(secs => %(ttl_s)s))
    ON CONFLICT (name) DO UPDATE SET holder = EXCLUDED.holder, expires_at = EXCLUDED.expires_at
    WHERE leases.expires_at <= now() OR leases.holder = EXCLUDED.holder
"""
_RENEW = """
    UPDATE callwatch.leases SET expires_at = now() + make_interval(secs => %(ttl_s)s)
    WHERE name = %(name)s AND holder = %(holder)s
"""
_RELEASE = "DELETE FROM callwatch.leases WHERE name = %(name)s AND holder = %(holder)s"


def acquire_lease(conn: Connection, name: str, holder: str, ttl_s: float) -> bool:
    """Whether `holder` now owns the lease `name` for `ttl_s` seconds. The caller commits at once."""
    return execute(conn, _ACQUIRE, {"name": name, "holder": holder, "ttl_s": ttl_s}) == 1


def renew_lease(conn: Connection, name: str, holder: str, ttl_s: float) -> bool:
    """Whether the lease was still the holder's; it then lasts `ttl_s` seconds from now. The caller commits."""
    return execute(conn, _RENEW, {"name": name, "holder": holder, "ttl_s": ttl_s}) == 1


def release_lease(conn: Connection, name: str, holder: str) -> None:
    """Give the lease back; nothing happens where it is another's by now. The caller commits."""
    execute(conn, _RELEASE, {"name": name, "holder": holder})
