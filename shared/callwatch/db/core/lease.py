"""The leases in `callwatch.monitor_lease`: which process may run a job that must run only once at a time, and until when.

A lease holds no transaction open. It is acquired by compare-and-swap, renewed while the work continues, and expires when
its holder dies. The database's clock decides, because the holders' clocks differ; a lease that ends later than any lease
acquired now was acquired while that clock was ahead, and counts as expired.
"""

from datetime import datetime

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import execute

_ACQUIRE = """
    INSERT INTO callwatch.monitor_lease AS lease (name, holder, acquired_at, expires_at)
    SELECT %(name)s, %(holder)s, at, at + make_interval(secs => %(ttl_s)s)
    FROM (SELECT coalesce(%(now)s, clock_timestamp()) AS at) AS clock
    ON CONFLICT (name) DO UPDATE
        SET holder = excluded.holder, acquired_at = excluded.acquired_at, expires_at = excluded.expires_at
        WHERE lease.holder = excluded.holder OR lease.expires_at <= excluded.acquired_at
           OR lease.expires_at > excluded.expires_at + interval '1 minute'
"""
_RENEW = """
    UPDATE callwatch.monitor_lease
    SET expires_at = coalesce(%(now)s, clock_timestamp()) + make_interval(secs => %(ttl_s)s)
    WHERE name = %(name)s AND holder = %(holder)s
"""
_RELEASE = "DELETE FROM callwatch.monitor_lease WHERE name = %(name)s AND holder = %(holder)s"


def acquire_lease(conn: AnyConnection, name: str, holder: str, ttl_s: float, now: datetime | None = None) -> bool:
    """Acquire the lease if it is free, expired, or already ours; the caller commits. False: another process holds it.

    now: replaces the time of the database's clock.
    """
    return execute(conn, _ACQUIRE, {"name": name, "holder": holder, "ttl_s": ttl_s, "now": now}) == 1


def renew_lease(conn: AnyConnection, name: str, holder: str, ttl_s: float, now: datetime | None = None) -> bool:
    """Extend the lease; the caller commits. False: it expired and another process acquired it, so stop working."""
    return execute(conn, _RENEW, {"name": name, "holder": holder, "ttl_s": ttl_s, "now": now}) == 1


def release_lease(conn: AnyConnection, name: str, holder: str) -> bool:
    """Release the lease; the caller commits. False: it was no longer ours."""
    return execute(conn, _RELEASE, {"name": name, "holder": holder}) == 1
