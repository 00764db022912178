"""A bounded pool of psycopg2 connections: a waiting caller waits, and fails only when the wait ran out."""

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import Any

import psycopg2
import psycopg2.extensions

from callwatch.exceptions import DatabaseUnavailable, PoolExhausted

Connection = psycopg2.extensions.connection

# Keepalives find a peer that vanished without a word within about 10 s instead of the kernel's two hours.
_CONNECT_OPTIONS = {"keepalives": 1, "keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3}


class Pool:
    """At most `size` connections to one database, shared by threads.

    Connections are opened when needed and reused at once, the last one used first. One that sat idle is
    looked at without a round trip; one that turns out dead in use is thrown away, never handed on.
    """

    def __init__(self, dsn: str, size: int, wait_s: float = 10.0, connect_timeout_s: int = 3, options: str = "") -> None:
        self._dsn = dsn
        self._size = size
        self._wait_s = wait_s
        self._connect = {"connect_timeout": connect_timeout_s, "application_name": "callwatch", "options": options}
        self._idle: list[tuple[Connection, float]] = []
        self._active = 0
        self._waiting = 0
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def connection(self) -> Iterator[Connection]:
        """Lend a connection; what was not committed is rolled back when it comes back.

        Raises PoolExhausted when none came free in time, DatabaseUnavailable when none can be opened.
        """
        conn = self._take()
        try:
            yield conn
        finally:
            self._give_back(conn)

    def statistics(self) -> dict[str, float]:
        """Connections: total, active, idle; callers waiting; utilization (active of the size, 0..100)."""
        with self._changed:
            total = self._active + len(self._idle)
            used = round(100 * self._active / self._size, 1)
            counts = {"total": total, "active": self._active, "idle": len(self._idle), "waiting": self._waiting}
        return {**counts, "utilization": used}

    def close(self) -> None:
        """Close what is idle; what is lent out is closed when it comes back."""
        with self._changed:
            idle, self._idle = self._idle, []
            self._size = 0
        for conn, _since in idle:
            conn.close()

    def _take(self) -> Connection:
        deadline = time.monotonic() + self._wait_s
        while True:
            conn = self._idle_connection(deadline)
            if conn is None:
                break
            if not _is_dead(conn):
                return conn
            self._forget(conn)
        try:
            return psycopg2.connect(self._dsn, **self._connect, **_CONNECT_OPTIONS)  # type: ignore[call-overload, no-any-return]
        except psycopg2.Error as error:
            self._forget(None)
            raise DatabaseUnavailable(_first_line(error)) from error

    def _idle_connection(self, deadline: float) -> Connection | None:
        """An idle connection, or None with the right to open one."""
        with self._changed:
            self._waiting += 1
            try:
                while not self._idle and self._active >= self._size:
                    if not self._changed.wait(deadline - time.monotonic()):
                        raise PoolExhausted(f"all {self._size} connections stayed in use for {self._wait_s:g} s")
            finally:
                self._waiting -= 1
            self._active += 1
            return self._idle.pop()[0] if self._idle else None

    def _give_back(self, conn: Connection) -> None:
        try:
            if not conn.closed:
                conn.rollback()
        except psycopg2.Error:
            conn.close()
        with self._changed:
            is_kept = not conn.closed and self._size > 0
            self._active -= 1
            if is_kept:
                self._idle.append((conn, time.monotonic()))
            self._changed.notify()
        if not is_kept:
            conn.close()

    def _forget(self, conn: Connection | None) -> None:
        if conn is not None:
            with contextlib.suppress(psycopg2.Error):
                conn.close()
        with self._changed:
            self._active -= 1
            self._changed.notify()


def _is_dead(conn: Connection) -> bool:
    """Whether the server hung up while the connection was idle: its socket is then readable, without a round trip."""
    import select

    if conn.closed:
        return True
    try:
        return bool(select.select([conn], [], [], 0)[0])
    except (ValueError, OSError):
        # A descriptor above 1023 is beyond select(); the caller's own retry then meets a dead connection.
        return False


def _first_line(error: Any) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
