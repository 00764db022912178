"""A whole transaction: committed once, or not at all, and tried again as a whole."""

from collections.abc import Callable
from typing import TypeVar

from callwatch.db.connect import connection
from callwatch.db.pool import Connection
from callwatch.db.retry import with_retry

T = TypeVar("T")


def with_transaction(fn: Callable[[Connection], T], max_retries: int = 5, initial_delay_ms: float = 100) -> T:
    """Run `fn` with a connection and commit; roll back where it raises.

    A retryable failure (see callwatch.db.retry) repeats all of it on a new transaction, so `fn` must not
    act outside of the database. Raises what `fn` raised last.
    """

    def attempt() -> T:
        with connection() as conn:
            result = fn(conn)
            conn.commit()
            return result

    return with_retry(attempt, max_retries, initial_delay_ms)
