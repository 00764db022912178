"""Advisory locks by name: one holder at a time among all processes that share the database."""

import contextlib
import hashlib
from collections.abc import Iterator

from psycopg2.errors import LockNotAvailable

from callwatch.db.connections.lend import connection
from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import execute, fetch_one
from callwatch.exceptions import LockUnavailable


def lock_key(name: str) -> int:
    """The 64-bit key for a name; a prefix separates it from the product's own locks."""
    return int.from_bytes(hashlib.sha256(f"callwatch:{name}".encode()).digest()[:8], "big", signed=True)


def try_lock_in_transaction(conn: AnyConnection, name: str) -> bool:
    """Acquire the lock for the rest of the current transaction, without waiting; False if another session holds it."""
    row = fetch_one(conn, "SELECT pg_try_advisory_xact_lock(%s) AS is_ours", (lock_key(name),))
    return row is not None and bool(row["is_ours"])


def lock_in_transaction(conn: AnyConnection, name: str, wait_s: float = 10.0) -> None:
    """Acquire the lock for the rest of the current transaction, waiting up to `wait_s`.

    Raises LockUnavailable if another session held it all the time; the earlier work of the transaction is kept.
    """
    execute(conn, "SAVEPOINT advisory_lock")
    try:
        # A lock_timeout of 0 would mean to wait forever.
        execute(conn, "SELECT set_config('lock_timeout', %s, true)", (f"{max(1, round(wait_s * 1000))}ms",))
        execute(conn, "SELECT pg_advisory_xact_lock(%s)", (lock_key(name),))
        execute(conn, "SET LOCAL lock_timeout TO DEFAULT")
    except LockNotAvailable:
        execute(conn, "ROLLBACK TO SAVEPOINT advisory_lock")
        raise LockUnavailable(f"another session held the lock {name!r} for {wait_s:g} s") from None
    execute(conn, "RELEASE SAVEPOINT advisory_lock")


@contextlib.contextmanager
def advisory_lock(name: str, wait_s: float = 10.0) -> Iterator[bool]:
    """Hold the lock `name` during a `with` block, waiting for it up to `wait_s`.

    Raises LockUnavailable if another session held it all the time, so that the block never runs without it. With `wait_s=0` it
    neither waits nor raises: the block receives whether the lock is ours.

    The lock ends with the block, with this process or with its connection, whichever ends first. Use a lease for work of more
    than a minute.
    """
    with connection() as conn:
        is_ours = True
        if wait_s > 0:
            lock_in_transaction(conn, name, wait_s)
        else:
            is_ours = try_lock_in_transaction(conn, name)
        # The rollback of a connection that returns to the pool releases it.
        yield is_ours
