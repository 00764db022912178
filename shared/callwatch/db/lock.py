"""Advisory locks by name: one holder at a time among all processes that use this database."""

import contextlib
import hashlib
from collections.abc import Iterator

import psycopg2

from callwatch.db.connect import connection
from callwatch.db.pool import Connection
from callwatch.exceptions import LockUnavailable


@contextlib.contextmanager
def advisory_lock(name: str, wait_s: float = 10.0) -> Iterator[Connection]:
    """Hold the lock `name` for the block, which gets the connection that holds it.

    The lock belongs to a transaction of that connection: when the block ends, or its process dies,
    it is free. Raises LockUnavailable where it was held elsewhere for all of `wait_s`.
    """
    with connection() as conn:
        lock_in_transaction(conn, name, wait_s)
        yield conn
        conn.commit()


def lock_in_transaction(conn: Connection, name: str, wait_s: float = 10.0) -> None:
    """Take the lock `name` until the end of the connection's transaction. Raises LockUnavailable."""
    with conn.cursor() as cursor:
        # A savepoint keeps what the transaction did so far, should the wait run out.
        cursor.execute("SAVEPOINT before_lock")
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", (f"{max(1, round(wait_s * 1000))}ms",))
        try:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", (lock_key(name),))
        except psycopg2.errors.LockNotAvailable:
            cursor.execute("ROLLBACK TO SAVEPOINT before_lock")
            raise LockUnavailable(f"the lock {name!r} was held elsewhere for {wait_s:g} s") from None
        cursor.execute("RELEASE SAVEPOINT before_lock")
        cursor.execute("SET LOCAL lock_timeout TO DEFAULT")


def lock_key(name: str) -> int:
    """The 64-bit key that stands for a name."""
    return int.from_bytes(hashlib.sha256(f"callwatch:{name}".encode()).digest()[:8], signed=True)
