"""A bounded pool of connections to one server."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg2

from callwatch.db.connections.changed_password import Connect
from callwatch.db.connections.watchdog import get_last_bite_at, roll_back, watched
from callwatch.db.core.connect import (
    CONNECT_TIMEOUT_S,
    Connection,
    extract_first_line,
    has_hung_up,
    is_connection_lost,
    open_connection,
)
from callwatch.exceptions import DatabaseSaturated, DatabaseUnavailable, PoolExhausted
from callwatch.sqlstates import READ_ONLY, TOO_MANY_CONNECTIONS

if TYPE_CHECKING:
    from callwatch.models.shapes.process import Pool as PoolFigures

_WAIT_S = 5.0
# A connection that was idle for longer is tested once: a NAT gateway or a frozen sandbox may have lost it silently.
_ASK_AFTER_IDLE_S = 30.0


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
                raise DatabaseUnavailable(extract_first_line(error)) from error
            if error.pgcode == TOO_MANY_CONNECTIONS:
                raise DatabaseSaturated(extract_first_line(error)) from error
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

    def read_statistics(self) -> PoolFigures:
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
    if has_hung_up(entry.conn) or entry.since <= get_last_bite_at():
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
