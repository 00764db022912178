"""The bounded pools of connections: one to our own database, a small read-only one to the product's."""

import contextlib
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass

import psycopg2

from callwatch.db.changed_password import Connect, following_its_secret
from callwatch.db.connect import CONNECT_TIMEOUT_S, Connection, first_line, has_hung_up, is_connection_lost, open_connection
from callwatch.db.watchdog import last_bite_at, roll_back, watched
from callwatch.exceptions import DatabaseUnavailable, PoolExhausted
from callwatch.settings import get_settings

PRODUCT_STATEMENT_TIMEOUT_MS = 2_000
_WAIT_S = 5.0
# Outside Lambda a pool keeps ten connections and grows to twenty; an execution environment serves one request.
_KEPT, _SIZE = 10, 20
_LAMBDA_SIZE = 2
_PRODUCT_SIZE = 4
# A connection idle for longer is asked once: a NAT gateway or a frozen sandbox may have lost it without a word.
_ASK_AFTER_IDLE_S = 30.0
_GRACE_S = 0.5
_READ_ONLY_SQLSTATE = "25006"


@dataclass(frozen=True, slots=True)
class _Idle:
    conn: Connection
    since: float


class Pool:
    """At most `size` connections to `dsn`, of which up to `kept` stay open while idle; callers wait in line."""

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
        """Lend a connection for the length of a `with` block; what is not committed is rolled back.

        Raises PoolExhausted or DatabaseUnavailable as `acquire`, and DatabaseUnavailable where it is lost on the way.
        """
        conn = self.acquire()
        try:
            yield conn
        except psycopg2.Error as error:
            if error.pgcode == _READ_ONLY_SQLSTATE and not conn.readonly:
                # The server became a standby: the next connection finds the new primary.
                conn.close()
            if is_connection_lost(error):
                conn.close()
                raise DatabaseUnavailable(first_line(error)) from error
            raise
        finally:
            self.release(conn)

    def acquire(self) -> Connection:
        """A live connection, reused where one is idle. It must be given back with `release`.

        Raises PoolExhausted when none became free in time, DatabaseUnavailable when none can be opened.
        """
        self._take_place()
        try:
            return self._reuse() or self._connect(self._dsn)
        except BaseException:
            self._leave_place(None)
            raise

    def release(self, conn: Connection) -> None:
        """Take a connection back; what it had not committed is rolled back, a broken one is closed."""
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
        """Close what is idle now, and each active connection as it comes back."""
        with self._changed:
            self._is_closed = True
            idle, self._idle = self._idle, []
        for entry in idle:
            entry.conn.close()

    def statistics(self) -> dict[str, float]:
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
        """Wait for one of the `size` places, first come first served."""
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
        """The idle connection used last, if it still lives; dead ones met on the way are closed."""
        while True:
            with self._changed:
                if not self._idle:
                    return None
                entry = self._idle.pop()
            if _is_alive(entry):
                return entry.conn
            entry.conn.close()


def _is_alive(entry: _Idle) -> bool:
    # Where a server fell silent in another connection meanwhile, this one may be as dead, and a new one costs
    # less than to wait for its answer.
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
    """The server ends each statement after this time; where it does not even do that, we end the connection."""
    conn.transaction_settings = {"statement_timeout": f"{statement_timeout_ms}ms"}
    conn.answer_within_s = statement_timeout_ms / 1000 + _GRACE_S


# Seconds that statements may take where nobody says more.
_usual_s: ContextVar[Callable[[], float] | None] = ContextVar("usual_s", default=None)


@contextlib.contextmanager
def statements_within(limit_s: Callable[[], float]) -> Iterator[None]:
    """For the length of a `with` block, bound the statements of each connection to our own database that is lent without
    a limit of its own: what waits for somebody's lock, or for a slow disk, then fails as a cancelled query does.

    limit_s: asked when a connection is lent.
    """
    token = _usual_s.set(limit_s)
    try:
        yield
    finally:
        _usual_s.reset(token)


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
    connect = following_its_secret("PRODUCT_DATABASE_URL" if is_product else "DATABASE_URL")
    return Pool(dsn, min(size, _PRODUCT_SIZE) if is_product else size, _KEPT, connect=connect)


@contextlib.contextmanager
def connection(statement_timeout_ms: int | None = None) -> Iterator[Connection]:
    """A connection to our own database for the length of a `with` block; what is not committed is rolled back.

    Raises DatabaseUnavailable where it cannot be had, or is lost on the way.
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
    """A connection to the product's database that can only read, and only for so long a statement."""
    with _pool("product").connection() as conn:
        conn.set_session(readonly=True)
        _bound(conn, statement_timeout_ms)
        yield conn


def pool_statistics() -> dict[str, float]:
    """{total, active, idle, waiting, utilization (percent of the limit)} of the pool to our own database."""
    with _pools_lock:
        pool = _pools.get("own")
    return pool.statistics() if pool else {"total": 0, "active": 0, "idle": 0, "waiting": 0, "utilization": 0.0}


def reset_pool() -> None:
    """Close the pools; the next caller makes new ones from the settings of then."""
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
