"""Trying again what may succeed the next time: exponential backoff with full jitter."""

import random
import socket
import time
from collections.abc import Callable
from typing import TypeVar

import psycopg2

from callwatch.exceptions import DatabaseUnavailable

T = TypeVar("T")

# SQLSTATE, PostgreSQL manual, appendix A: serialization failure, deadlock, lock not available, query cancelled
# (a statement_timeout), too many connections, configuration limit exceeded; class 08: connection exceptions;
# 57P01..57P03: the server is being shut down or started.
RETRYABLE = frozenset({"40001", "40P01", "55P03", "57014", "53300", "53400", "57P01", "57P02", "57P03"})
_DEADLOCK = frozenset({"40001", "40P01"})
_MAX_DELAY_S = 5.0


def is_retryable(error: BaseException) -> bool:
    """Whether the same work may succeed when tried again."""
    if isinstance(error, psycopg2.Error):
        code = error.pgcode or ""
        if code:
            return code in RETRYABLE or code.startswith("08")
        # Without a SQLSTATE the connection itself failed: refused, reset, timed out.
        return isinstance(error, (psycopg2.OperationalError, psycopg2.InterfaceError))
    return isinstance(error, (DatabaseUnavailable, ConnectionError, TimeoutError, socket.gaierror))


def with_retry(
    fn: Callable[[], T],
    max_retries: int = 5,
    initial_delay_ms: float = 100,
    is_retryable: Callable[[BaseException], bool] = is_retryable,
) -> T:
    """Call `fn` until it succeeds, at most `max_retries` times more; other errors are raised at once.

    The delay before retry n is drawn evenly from 0 to initial_delay_ms * 2**n, capped at 5 s.
    A write whose connection broke during COMMIT may have happened: give `fn` work that can be done twice.
    """
    for attempt in range(max_retries + 1):
        try:
            return fn()
        except Exception as error:
            if attempt == max_retries or not is_retryable(error):
                raise
        ceiling_s = min(_MAX_DELAY_S, initial_delay_ms / 1000 * 2**attempt)
        time.sleep(random.uniform(0, ceiling_s))  # noqa: S311 - jitter, not a secret
    raise AssertionError("unreachable")


def with_deadlock_retry(fn: Callable[[], T], max_retries: int = 5, initial_delay_ms: float = 20) -> T:
    """Call `fn` again when PostgreSQL chose it as a deadlock's victim, or could not serialize it."""
    return with_retry(fn, max_retries, initial_delay_ms, _is_deadlock)


def _is_deadlock(error: BaseException) -> bool:
    return isinstance(error, psycopg2.Error) and error.pgcode in _DEADLOCK
