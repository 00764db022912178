"""Lends connections to our own database and to the product's: one pool per server, so both share it if they are on one."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING

import psycopg2
from psycopg2 import extensions

from callwatch.db.connections.changed_password import follow_secret
from callwatch.db.connections.pool import Pool
from callwatch.db.core.connect import Connection
from callwatch.exceptions import DatabaseUnavailable
from callwatch.settings import get_settings

if TYPE_CHECKING:
    from callwatch.models.shapes.process import Pool as PoolFigures

PRODUCT_STATEMENT_TIMEOUT_MS = 2_000
# Outside Lambda a pool keeps ten connections and grows to twenty; an execution environment serves one request at a time.
_KEPT, _SIZE = 10, 20
_LAMBDA_SIZE = 2
_PRODUCT_SIZE = 4
_GRACE_S = 0.5


def _bound(conn: Connection, statement_timeout_ms: int) -> None:
    """The server ends each statement after this time; if it does not even do that, we end the connection."""
    conn.transaction_settings = {"statement_timeout": f"{statement_timeout_ms}ms"}
    conn.answer_within_s = statement_timeout_ms / 1000 + _GRACE_S


# Statement limit in seconds if no other is given.
_usual_s: ContextVar[Callable[[], float] | None] = ContextVar("usual_s", default=None)


@contextlib.contextmanager
def statements_within(limit_s: Callable[[], float]) -> Iterator[None]:
    """For the duration of a `with` block, limit the statements of each lent connection to our own database that has no limit of
    its own. A statement that waits for a lock or a slow disk then fails as a cancelled query does.

    limit_s: called when a connection is lent.
    """
    token = _usual_s.set(limit_s)
    try:
        yield
    finally:
        _usual_s.reset(token)


# The parts of a connection string that decide which server, database and rights a session has.
_IDENTITY = ("host", "hostaddr", "port", "dbname", "user", "options", "service", "target_session_attrs")
_DEFAULT_PORT = "5432"

_pools: dict[str, Pool] = {}
_pools_lock = threading.Lock()


def _get_pool(name: str) -> Pool:
    with _pools_lock:
        if name not in _pools:
            _pools[name] = _make_pool(name)
        return _pools[name]


def _make_pool(name: str) -> Pool:
    settings, is_product = get_settings(), name == "product"
    dsn = settings.product_database_url if is_product else settings.database_url
    if not dsn:
        raise DatabaseUnavailable("DATABASE_URL is not set")
    size = settings.database_pool_size or (_LAMBDA_SIZE if "AWS_LAMBDA_FUNCTION_NAME" in os.environ else _SIZE)
    if is_product and _is_one_server(dsn, settings.database_url):
        own = _pools.get("own") or _make_pool("own")
        _pools["own"] = own
        return own
    connect = follow_secret("PRODUCT_DATABASE_URL" if is_product else "DATABASE_URL")
    return Pool(dsn, min(size, _PRODUCT_SIZE) if is_product else size, _KEPT, connect=connect)


def _is_one_server(dsn: str, other: str | None) -> bool:
    """Whether two connection strings lead to the same sessions: same server, database, user and options."""
    try:
        identities = [_identify(each) for each in (dsn, other or "")]
    except psycopg2.ProgrammingError:
        # The connect reports which of them cannot be parsed.
        return dsn == other
    return identities[0] == identities[1]


def _identify(dsn: str) -> tuple[str, ...]:
    given = {"port": _DEFAULT_PORT, **extensions.parse_dsn(dsn)}
    given["dbname"] = given.get("dbname") or given.get("user", "")
    return tuple(str(given.get(name, "")).lower() if name == "host" else str(given.get(name, "")) for name in _IDENTITY)


@contextlib.contextmanager
def connection(statement_timeout_ms: int | None = None) -> Iterator[Connection]:
    """A connection to our own database for the duration of a `with` block; uncommitted work is rolled back.

    Raises DatabaseUnavailable if there is none, or if it is lost meanwhile.
    """
    usual_s = _usual_s.get()
    with _get_pool("own").connection() as conn:
        if statement_timeout_ms is None and usual_s is not None:
            statement_timeout_ms = max(1, round(usual_s() * 1000))
        if statement_timeout_ms is not None:
            _bound(conn, statement_timeout_ms)
        yield conn


@contextlib.contextmanager
def product_connection(statement_timeout_ms: int = PRODUCT_STATEMENT_TIMEOUT_MS) -> Iterator[Connection]:
    """A connection to the product's database that can only read, with a time limit for each statement."""
    with _get_pool("product").connection() as conn:
        conn.set_session(readonly=True)
        _bound(conn, statement_timeout_ms)
        yield conn


def read_pool_statistics() -> PoolFigures:
    """{total, active, idle, waiting, utilization (percent of the limit)} of the pool to our own database."""
    with _pools_lock:
        pool = _pools.get("own")
    return pool.read_statistics() if pool else {"total": 0, "active": 0, "idle": 0, "waiting": 0, "utilization": 0.0}


def reset_pool() -> None:
    """Close the pools; the next caller creates new ones from the then current settings."""
    with _pools_lock:
        pools = list(_pools.values())
        _pools.clear()
    for pool in pools:
        pool.close()


def _forget_after_fork() -> None:
    # The sockets belong to the parent: closing them here would end its sessions.
    global _pools_lock
    _pools_lock = threading.Lock()
    _pools.clear()


os.register_at_fork(after_in_child=_forget_after_fork)
