"""The leases in `callwatch.monitor_lease`: who may run a job that only one may run at a time, and until when.

A lease holds no transaction open. It is taken by compare-and-swap, renewed while the work goes on, and
runs out by itself when its holder dies. The database's clock decides, since holders' clocks differ.
"""

from datetime import datetime

from callwatch.db.connect import AnyConnection
from callwatch.db.query import execute

_ACQUIRE = """
    INSERT INTO callwatch.monitor_lease AS lease (name, holder, acquired_at, expires_at)
    SELECT %(name)s, %(holder)s, at, at + make_interval(secs => %(ttl_s)s)
    FROM (SELECT coalesce(%(now)s, clock_timestamp()) AS at) AS clock
    ON CONFLICT (name) DO UPDATE
        SET holder = excluded.holder, acquired_at = excluded.acquired_at, expires_at = excluded.expires_at
        WHERE lease.holder = excluded.holder OR lease.expires_at <= excluded.acquired_at
"""
_RENEW = """
    UPDATE callwatch.monitor_lease
    SET expires_at = coalesce(%(now)s, clock_timestamp()) + make_interval(secs => %(ttl_s)s)
    WHERE name = %(name)s AND holder = %(holder)s
"""
_RELEASE = "DELETE FROM callwatch.monitor_lease WHERE name = %(name)s AND holder = %(holder)s"


def acquire_lease(conn: AnyConnection, name: str, holder: str, ttl_s: float, now: datetime | None = None) -> bool:
    """Take the lease where it is free, run out, or already ours; the caller commits. False: another holds it.

    now: a time to go by instead of the database's clock.
    """
    return execute(conn, _ACQUIRE, {"name": name, "holder": holder, "ttl_s": ttl_s, "now": now}) == 1


def renew_lease(conn: AnyConnection, name: str, holder: str, ttl_s: float, now: datetime | None = None) -> bool:
    """Put the lease's end off; the caller commits. False: it ran out and another took it, so stop working."""
    return execute(conn, _RENEW, {"name": name, "holder": holder, "ttl_s": ttl_s, "now": now}) == 1


def release_lease(conn: AnyConnection, name: str, holder: str) -> bool:
    """Give the lease back; the caller commits. False: it was no longer ours."""
    return execute(conn, _RELEASE, {"name": name, "holder": holder}) == 1
