"""Runs a function as a transaction: as a whole, committed at its end, and repeated as a whole if that can help."""

from collections.abc import Callable
from typing import Literal, TypeVar

import psycopg2

from callwatch.db.connections.lend import connection
from callwatch.db.core.connect import Connection, extract_first_line, has_hung_up, is_connection_lost
from callwatch.db.core.retry import CommitOutcomeUnknown, is_retryable, with_retry
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

    A temporary failure (deadlock, serialization failure, lost connection, ...) rolls everything back and runs `fn` again from
    its start in a new transaction, so `fn` must affect nothing but its connection. `fn` neither commits nor rolls back.

    If the connection is lost during COMMIT, it is unknown whether the transaction was kept. It is run again only with
    `is_idempotent`, which promises that a second run after a kept first one does no harm; otherwise CommitOutcomeUnknown is
    raised.
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
        # Lost before COMMIT was sent, so it was certainly not kept: a temporary failure like any other.
        raise DatabaseUnavailable("connection lost before commit")
    try:
        conn.commit()
    except psycopg2.Error as error:
        if is_connection_lost(error):
            raise CommitOutcomeUnknown(f"connection lost during commit: {extract_first_line(error)}") from error
        raise
