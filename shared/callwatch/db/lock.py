"""Advisory locks by name: one holder at a time among all processes that share the database."""

import contextlib
import hashlib
from collections.abc import Iterator

import psycopg2
from psycopg2.errors import LockNotAvailable

from callwatch.db.connect import AnyConnection
from callwatch.db.pool import connection
from callwatch.db.query import execute, fetch_one
from callwatch.exceptions import LockUnavailable


def lock_key(name: str) -> int:
    """The 64-bit key that stands for a name; a prefix keeps it apart from the product's own locks."""
    return int.from_bytes(hashlib.sha256(f"callwatch:{name}".encode()).digest()[:8], "big", signed=True)


def lock_in_transaction(conn: AnyConnection, name: str, wait_s: float | None = None) -> bool:
    """Take the lock for the rest of the transaction at hand; False where it is held elsewhere.

    wait_s: how long to wait for it; None does not wait at all. The transaction stays usable either way.
    """
    if wait_s is None:
        row = fetch_one(conn, "SELECT pg_try_advisory_xact_lock(%s) AS is_ours", (lock_key(name),))
        return bool(row and row["is_ours"])
    execute(conn, "SAVEPOINT advisory_lock")
    try:
        # A lock_timeout of 0 would mean to wait for ever.
        execute(conn, "SELECT set_config('lock_timeout', %s, true)", (f"{max(1, round(wait_s * 1000))}ms",))
        execute(conn, "SELECT pg_advisory_xact_lock(%s)", (lock_key(name),))
        execute(conn, "SET LOCAL lock_timeout TO DEFAULT")
    except LockNotAvailable:
        execute(conn, "ROLLBACK TO SAVEPOINT advisory_lock")
        return False
    execute(conn, "RELEASE SAVEPOINT advisory_lock")
    return True


@contextlib.contextmanager
def advisory_lock(name: str, wait_s: float | None = None) -> Iterator[bool]:
    """Hold the lock `name` for the length of a `with` block; yields whether it is ours.

        with advisory_lock("report") as is_ours:
            if is_ours: ...

    Without `wait_s` a lock held elsewhere yields False at once. With it the caller waits that long,
    and LockUnavailable is raised where the lock stayed in other hands. The lock ends with the block,
    and with the process or its connection, whichever ends first.
    """
    with connection() as conn:
        is_ours = lock_in_transaction(conn, name, wait_s)
        if not is_ours and wait_s is not None:
            raise LockUnavailable(f"the lock {name!r} was held elsewhere for {wait_s:g} s")
        try:
            yield is_ours
        finally:
            with contextlib.suppress(psycopg2.Error):
                conn.rollback()
