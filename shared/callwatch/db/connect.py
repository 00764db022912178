"""The two databases of a process: the monitor's own, and the watched product's, read only."""

import contextlib
import os
import threading
from collections.abc import Iterator

from callwatch.db.pool import Connection, Pool
from callwatch.exceptions import DatabaseUnavailable
from callwatch.settings import get_settings

# Lambda runs one invocation per process: a few connections for its threads are enough, and RDS has few to give.
_SIZE_IN_LAMBDA = 4
_SIZE_ELSEWHERE = 10
_PRODUCT_SIZE = 4
_PRODUCT_TIMEOUT_MS = 2000

_pools: dict[str, Pool] = {}
_lock = threading.Lock()


@contextlib.contextmanager
def connection() -> Iterator[Connection]:
    """A connection to DATABASE_URL, in a transaction that ends when the caller commits; else it is rolled back.

    Raises DatabaseUnavailable where it cannot be had in time.
    """
    with _own_pool().connection() as conn:
        yield conn


@contextlib.contextmanager
def product_connection() -> Iterator[Connection]:
    """A connection to PRODUCT_DATABASE_URL that can only read, each statement bounded to 2 s.

    Raises DatabaseUnavailable where it cannot be had in time.
    """
    settings = get_settings()
    options = f"-c default_transaction_read_only=on -c statement_timeout={_PRODUCT_TIMEOUT_MS}"
    with _pool("product", settings.product_database_url, _PRODUCT_SIZE, options).connection() as conn:
        yield conn


def pool_statistics() -> dict[str, float]:
    """Statistics of the own database's pool: total, active, idle, waiting, utilization (0..100)."""
    try:
        return _own_pool().statistics()
    except DatabaseUnavailable:
        return {"total": 0, "active": 0, "idle": 0, "waiting": 0, "utilization": 0}


def reset_pools() -> None:
    """Close every pool, so that the next connection is made anew."""
    with _lock:
        pools = list(_pools.values())
        _pools.clear()
    for pool in pools:
        pool.close()


def _own_pool() -> Pool:
    settings = get_settings()
    is_lambda = bool(os.environ.get("AWS_LAMBDA_FUNCTION_NAME"))
    size = settings.database_pool_size or (_SIZE_IN_LAMBDA if is_lambda else _SIZE_ELSEWHERE)
    return _pool("own", settings.database_url, size, "-c lock_timeout=10s -c idle_in_transaction_session_timeout=60s")


def _pool(name: str, dsn: str | None, size: int, options: str) -> Pool:
    if not dsn:
        raise DatabaseUnavailable("DATABASE_URL is not set")
    with _lock:
        if name not in _pools:
            _pools[name] = Pool(dsn, size, options=options)
        return _pools[name]


def _after_fork() -> None:
    # A child must not speak on its parent's sockets; closing them would end the parent's sessions.
    _pools.clear()


os.register_at_fork(after_in_child=_after_fork)
