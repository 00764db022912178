"""The bounded connection pools: one per server, so a product database on our own server shares our pool."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg2
from psycopg2 import extensions

from callwatch.db.core.changed_password import Connect, following_its_secret
from callwatch.db.core.connect import CONNECT_TIMEOUT_S, Connection, first_line, has_hung_up, is_connection_lost, open_connection
from callwatch.db.core.watchdog import last_bite_at, roll_back, watched
from callwatch.exceptions import DatabaseSaturated, DatabaseUnavailable, PoolExhausted
from callwatch.settings import get_settings
from callwatch.sqlstates import READ_ONLY, TOO_MANY_CONNECTIONS

if TYPE_CHECKING:
    from callwatch.models.shapes.process import Pool as PoolFigures

PRODUCT_STATEMENT_TIMEOUT_MS = 2_000
_WAIT_S = 5.0
# Outside Lambda a pool keeps ten connections and grows to twenty; an execution environment serves one request at a time.
_KEPT, _SIZE = 10, 20
_LAMBDA_SIZE = 2
_PRODUCT_SIZE = 4
# A connection that was idle for longer is tested once: a NAT gateway or a frozen sandbox may have lost it silently.
_ASK_AFTER_IDLE_S = 30.0
_GRACE_S = 0.5


@dataclass(frozen=True, slots=True)
class _Idle:
    conn: Connection
    since: float


class Pool:
    """At most `size` connections to `dsn`, of which up to `kept` stay open while idle; callers wait in order."""

    def __init__(
        self, dsn: str, size: int, kept: int | None = None, wait_s: float = _WAIT_S, connect: Connect = open_connection
    ) -> None:
        self._dsn = dsn
        self._connect = connect
        self._size = size
        self._kept = size if kept is None else min(kept, size)
        self._wait_s = wait_s
        self._idle: list[_Idle] = []
        self._active = 0
        self._line: deque[object] = deque()
        self._changed = threading.Condition()
        self._is_closed = False

    @contextlib.contextmanager
    def connection(self) -> Iterator[Connection]:
        """Lend a connection for the duration of a `with` block; uncommitted work is rolled back.

        Raises PoolExhausted or DatabaseUnavailable as `acquire`, DatabaseUnavailable if it is lost meanwhile, and
        DatabaseSaturated if a pooler in between has no server connection for it.
        """
        conn = self.acquire()
        try:
            yield conn
        except psycopg2.Error as error:
            if error.pgcode == READ_ONLY and not conn.readonly:
                # The server became a standby: the next connection finds the new primary.
                conn.close()
            if is_connection_lost(error):
                conn.close()
                raise DatabaseUnavailable(first_line(error)) from error
            if error.pgcode == TOO_MANY_CONNECTIONS:
                raise DatabaseSaturated(first_line(error)) from error
            raise
        finally:
            self.release(conn)

    def acquire(self) -> Connection:
        """A live connection, reused if one is idle. It must be returned with `release`.

        Raises PoolExhausted if none became free in time, DatabaseUnavailable if none can be opened.
        """
        self._take_place()
        try:
            return self._reuse() or self._connect(self._dsn)
        except BaseException:
            self._leave_place(None)
            raise

    def release(self, conn: Connection) -> None:
        """Return a connection; its uncommitted work is rolled back, and a broken connection is closed."""
        conn.transaction_settings = {}
        conn.answer_within_s = None
        try:
            if not conn.closed:
                roll_back(conn, CONNECT_TIMEOUT_S)
                conn.autocommit = False
                conn.set_session(readonly="default", isolation_level="default")
        except psycopg2.Error:
            conn.close()
        self._leave_place(conn)

    def close(self) -> None:
        """Close the idle connections now, and each active connection when it is returned."""
        with self._changed:
            self._is_closed = True
            idle, self._idle = self._idle, []
        for entry in idle:
            entry.conn.close()

    def statistics(self) -> PoolFigures:
        """total open, active, idle, waiting callers, and utilization: active in percent of the size."""
        with self._changed:
            idle = len(self._idle)
            return {
                "total": self._active + idle,
                "active": self._active,
                "idle": idle,
                "waiting": len(self._line),
                "utilization": round(100 * self._active / self._size, 1),
            }

    def _take_place(self) -> None:
        """Wait for one of the `size` places, in order of arrival."""
        ticket = object()
        with self._changed:
            if self._active < self._size and not self._line:
                self._active += 1
                return
            self._line.append(ticket)
            try:
                is_my_turn = self._changed.wait_for(lambda: self._line[0] is ticket and self._active < self._size, self._wait_s)
            finally:
                self._line.remove(ticket)
                self._changed.notify_all()
            if not is_my_turn:
                raise PoolExhausted(
                    f"all {self._size} database connections stayed in use for {self._wait_s:g} s; "
                    "DATABASE_POOL_SIZE raises the limit"
                )
            self._active += 1

    def _leave_place(self, conn: Connection | None) -> None:
        with self._changed:
            self._active -= 1
            is_kept = conn is not None and not conn.closed and not self._is_closed and len(self._idle) < self._kept
            if conn is not None and is_kept:
                self._idle.append(_Idle(conn, time.monotonic()))
            self._changed.notify_all()
        if conn is not None and not is_kept:
            conn.close()

    def _reuse(self) -> Connection | None:
        """The most recently used idle connection that is still alive; dead ones found on the way are closed."""
        while True:
            with self._changed:
                if not self._idle:
                    return None
                entry = self._idle.pop()
            if _is_alive(entry):
                return entry.conn
            entry.conn.close()


def _is_alive(entry: _Idle) -> bool:
    # If the server hung in another connection meanwhile, this one may be dead too, and a new connection costs less than waiting
    # for its response.
    if has_hung_up(entry.conn) or entry.since <= last_bite_at():
        return False
    if time.monotonic() - entry.since <= _ASK_AFTER_IDLE_S:
        return True
    try:
        with watched(entry.conn, CONNECT_TIMEOUT_S), entry.conn.cursor() as cursor:
            cursor.execute("SELECT 1")
            entry.conn.rollback()
    except psycopg2.Error:
        return False
    return True


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


def _pool(name: str) -> Pool:
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
    connect = following_its_secret("PRODUCT_DATABASE_URL" if is_product else "DATABASE_URL")
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
    with _pool("own").connection() as conn:
        if statement_timeout_ms is None and usual_s is not None:
            statement_timeout_ms = max(1, round(usual_s() * 1000))
        if statement_timeout_ms is not None:
            _bound(conn, statement_timeout_ms)
        yield conn


@contextlib.contextmanager
def product_connection(statement_timeout_ms: int = PRODUCT_STATEMENT_TIMEOUT_MS) -> Iterator[Connection]:
    """A connection to the product's database that can only read, with a time limit for each statement."""
    with _pool("product").connection() as conn:
        conn.set_session(readonly=True)
        _bound(conn, statement_timeout_ms)
        yield conn


def pool_statistics() -> PoolFigures:
    """{total, active, idle, waiting, utilization (percent of the limit)} of the pool to our own database."""
    with _pools_lock:
        pool = _pools.get("own")
    return pool.statistics() if pool else {"total": 0, "active": 0, "idle": 0, "waiting": 0, "utilization": 0.0}


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
