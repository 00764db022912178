"""Advisory locks by name: one holder at a time among all processes that share the database."""

import contextlib
import hashlib
from collections.abc import Iterator

from psycopg2.errors import LockNotAvailable

from callwatch.db.connect import AnyConnection
from callwatch.db.pool import connection
from callwatch.db.query import execute, fetch_one
from callwatch.exceptions import LockUnavailable


def lock_key(name: str) -> int:
    """The 64-bit key that stands for a name; a prefix keeps it apart from the product's own locks."""
    return int.from_bytes(hashlib.sha256(f"callwatch:{name}".encode()).digest()[:8], "big", signed=True)


def try_lock_in_transaction(conn: AnyConnection, name: str) -> bool:
    """Take the lock for the rest of the transaction at hand, without waiting; False where it is held elsewhere."""
    row = fetch_one(conn, "SELECT pg_try_advisory_xact_lock(%s) AS is_ours", (lock_key(name),))
    return row is not None and bool(row["is_ours"])


def lock_in_transaction(conn: AnyConnection, name: str, wait_s: float = 10.0) -> None:
    """Take the lock for the rest of the transaction at hand, waiting up to `wait_s`.

    Raises LockUnavailable where it stayed in other hands; what the transaction did so far is kept.
    """
    execute(conn, "SAVEPOINT advisory_lock")
    try:
        # A lock_timeout of 0 would mean to wait for ever.
        execute(conn, "SELECT set_config('lock_timeout', %s, true)", (f"{max(1, round(wait_s * 1000))}ms",))
        execute(conn, "SELECT pg_advisory_xact_lock(%s)", (lock_key(name),))
        execute(conn, "SET LOCAL lock_timeout TO DEFAULT")
    except LockNotAvailable:
        execute(conn, "ROLLBACK TO SAVEPOINT advisory_lock")
        raise LockUnavailable(f"the lock {name!r} was held elsewhere for {wait_s:g} s") from None
    execute(conn, "RELEASE SAVEPOINT advisory_lock")


@contextlib.contextmanager
def advisory_lock(name: str, wait_s: float = 10.0) -> Iterator[bool]:
    """Hold the lock `name` for the length of a `with` block, waiting for it up to `wait_s`.

    Raises LockUnavailable where it stayed in other hands, so that a block never runs without it. With
    `wait_s=0` nobody waits and nothing is raised: the block is given whether the lock is ours.

    The lock ends with the block, or with this process or its connection, whichever ends first: for
    work of more than a minute take a lease.
    """
    with connection() as conn:
        is_ours = True
        if wait_s > 0:
            lock_in_transaction(conn, name, wait_s)
        else:
            is_ours = try_lock_in_transaction(conn, name)
        # Its end is the rollback of a connection that comes back to the pool.
        yield is_ours
