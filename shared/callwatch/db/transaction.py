"""A transaction as a function: run whole, committed at its end, and run whole again where that can help."""

from collections.abc import Callable
from typing import Literal, TypeVar

import psycopg2

from callwatch.db.connect import Connection, first_line, has_hung_up, is_connection_lost
from callwatch.db.pool import connection
from callwatch.db.retry import CommitOutcomeUnknown, is_retryable, with_retry
from callwatch.exceptions import DatabaseUnavailable

T = TypeVar("T")
Isolation = Literal["read committed", "repeatable read", "serializable"]


def with_transaction(
    fn: Callable[[Connection], T],
    *,
    isolation: Isolation | None = None,
    max_retries: int = 5,
    initial_delay_ms: float = 100,
    is_idempotent: bool = False,
) -> T:
    """Run `fn` in a transaction of its own, commit, and return what it returned.

    A passing failure (deadlock, serialization failure, lost connection, ...) rolls everything back and
    runs `fn` again from its start on a fresh transaction, so `fn` must have no effect but on its
    connection. `fn` neither commits nor rolls back.

    A connection lost during COMMIT leaves it open whether the transaction was kept. It is run again
    only with `is_idempotent`, which promises that a second run after a kept first one does no harm;
    else CommitOutcomeUnknown is raised.
    """

    def run() -> T:
        with connection() as conn:
            if isolation is not None:
                conn.set_session(isolation_level=isolation)
            result = fn(conn)
            _commit(conn)
            return result

    def may_run_again(error: BaseException) -> bool:
        return is_retryable(error) or (is_idempotent and isinstance(error, CommitOutcomeUnknown))

    return with_retry(run, max_retries, initial_delay_ms, retry_on=may_run_again)


def _commit(conn: Connection) -> None:
    if has_hung_up(conn):
        # Lost before COMMIT was sent, so certainly not kept: that is a passing failure like any other.
        raise DatabaseUnavailable("connection lost before commit")
    try:
        conn.commit()
    except psycopg2.Error as error:
        if is_connection_lost(error):
            raise CommitOutcomeUnknown(f"connection lost during commit: {first_line(error)}") from error
        raise
