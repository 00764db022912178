"""Retries: which failures are worth another try, and how long to wait before it."""

import logging
import random
import time
from collections.abc import Callable
from typing import TypeVar

import psycopg2
from psycopg2.extensions import TransactionRollbackError

from callwatch.db.core.connect import is_connection_lost
from callwatch.exceptions import DatabaseUnavailable, PoolExhausted
from callwatch.sqlstates import CONFLICTS, RETRYABLE

T = TypeVar("T")

logger = logging.getLogger(__name__)

MAX_DELAY_MS = 5_000
# No retry begins later than this: an unreachable server must not use up an invocation.
GIVE_UP_AFTER_S = 15.0

# Network errors of libraries that may not be imported: recognized by name, so that nothing is imported for them.
_NETWORK_ERRORS = frozenset(
    {
        "requests.exceptions.ConnectionError",
        "requests.exceptions.Timeout",
        "urllib3.exceptions.TimeoutError",
        "urllib3.exceptions.NewConnectionError",
        "urllib3.exceptions.ProtocolError",
        "botocore.exceptions.ConnectionError",
        "botocore.exceptions.HTTPClientError",
        "socket.gaierror",
    }
)


class CommitOutcomeUnknown(DatabaseUnavailable):
    """The connection was lost during COMMIT: it is unknown whether the transaction was kept."""


def is_retryable(error: BaseException) -> bool:
    """Whether the same work may succeed when it is repeated."""
    if isinstance(error, PoolExhausted | CommitOutcomeUnknown):
        return False
    if isinstance(error, DatabaseUnavailable | ConnectionError | TimeoutError):
        return True
    if isinstance(error, psycopg2.Error):
        return error.pgcode in RETRYABLE or is_connection_lost(error)
    return any(f"{kind.__module__}.{kind.__qualname__}" in _NETWORK_ERRORS for kind in type(error).__mro__)


def is_deadlock(error: BaseException) -> bool:
    """Whether PostgreSQL cancelled this transaction to resolve a deadlock or serialization conflict."""
    # The class says so, too, where no server set a code, as in the tests of a host.
    is_of_class = isinstance(error, TransactionRollbackError) and error.pgcode is None
    return is_of_class or (isinstance(error, psycopg2.Error) and error.pgcode in CONFLICTS)


def compute_backoff_s(attempt: int, initial_delay_ms: float, draw: Callable[[], float] = random.random) -> float:
    """Seconds to wait before try `attempt` + 1: exponential with full jitter, so that competitors separate."""
    return draw() * min(MAX_DELAY_MS, initial_delay_ms * 2.0**attempt) / 1000


def with_retry(
    fn: Callable[[], T],
    max_retries: int = 5,
    initial_delay_ms: float = 100,
    *,
    retry_on: Callable[[BaseException], bool] = is_retryable,
) -> T:
    """What `fn` returns; it is called again up to `max_retries` times while it fails with temporary errors.

    `fn` must do all of its work each time: a single statement cannot be retried inside a failed transaction. Raises the last
    error unchanged.
    """
    started = time.monotonic()
    attempt = 0
    while True:
        try:
            return fn()
        except Exception as error:
            is_late = time.monotonic() - started >= GIVE_UP_AFTER_S
            if attempt >= max_retries or is_late or not retry_on(error):
                raise
            why = getattr(error, "pgcode", None) or type(error).__name__
        delay_s = compute_backoff_s(attempt, initial_delay_ms)
        logger.info("trying again", extra={"attempt": attempt + 1, "why": why, "delay_ms": round(delay_s * 1000)})
        time.sleep(delay_s)
        attempt += 1


def with_deadlock_retry(fn: Callable[[], T], max_retries: int = 5, initial_delay_ms: float = 50) -> T:
    """What `fn` returns; it is called again only after a deadlock or a serialization failure.

    For work that must not be repeated after any other failure, such as work that also calls a vendor.
    """
    return with_retry(fn, max_retries, initial_delay_ms, retry_on=is_deadlock)
