"""Ends the wait for a server that accepted a statement and hangs.

The server itself enforces statement timeouts, and it is the one that hangs; TCP timeouts do not apply while its machine still
acknowledges. So one thread of ours watches the clock and ends connections that wait too long.
"""

import contextlib
import heapq
import itertools
import os
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg2
from psycopg2 import extensions


@dataclass(order=True, slots=True)
class _Wait:
    deadline: float
    number: int
    conn: extensions.connection = field(compare=False)
    is_over: bool = field(default=False, compare=False)


class _Watchdog:
    """The waits of this process, soonest deadline first, and the thread that ends those that are late."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.waits: list[_Wait] = []
        self.is_running = False
        self.bit_at = float("-inf")

    def add(self, wait: _Wait) -> None:
        with self.changed:
            heapq.heappush(self.waits, wait)
            if not self.is_running:
                self.is_running = True
                threading.Thread(target=self._run, name="database watchdog", daemon=True).start()
            elif self.waits[0] is wait:
                self.changed.notify()

    def end(self, wait: _Wait) -> None:
        with self.changed:
            wait.is_over = True

    def _run(self) -> None:
        with self.changed:
            while True:
                while self.waits and (self.waits[0].is_over or self.waits[0].deadline <= time.monotonic()):
                    wait = heapq.heappop(self.waits)
                    if not wait.is_over:
                        self.bit_at = time.monotonic()
                        _hang_up(wait.conn)
                self.changed.wait(self.waits[0].deadline - time.monotonic() if self.waits else None)


_watchdog = _Watchdog()
_numbers = itertools.count()


@contextlib.contextmanager
def watched(conn: extensions.connection, limit_s: float) -> Iterator[None]:
    """Watch a `with` block: if it takes longer, the connection is ended and the call that waits on it fails."""
    wait = _Wait(time.monotonic() + limit_s, next(_numbers), conn)
    _watchdog.add(wait)
    try:
        yield
    finally:
        _watchdog.end(wait)


def within_its_time(conn: extensions.connection) -> contextlib.AbstractContextManager[None]:
    """`watched` if the connection has a time limit (`answer_within_s`), else no limit."""
    limit_s = getattr(conn, "answer_within_s", None)
    return contextlib.nullcontext() if limit_s is None else watched(conn, limit_s)


def get_last_bite_at() -> float:
    """When a hanging connection was last ended, on the monotonic clock; -inf: never."""
    return _watchdog.bit_at


class WatchedCursor(extensions.cursor):
    """A cursor whose statements are watched if its connection has a time limit (`answer_within_s`)."""

    def execute(self, query: Any, vars: Any = None) -> None:  # noqa: A002 (the driver's own name for it)
        """Execute, as on any cursor."""
        with within_its_time(self.connection):
            super().execute(query, vars)

    def copy_expert(self, *arguments: Any, **options: Any) -> None:
        """Copy, as on any cursor."""
        with within_its_time(self.connection):
            super().copy_expert(*arguments, **options)


def roll_back(conn: extensions.connection, limit_s: float) -> None:
    """Roll back, within a time limit. Raises psycopg2.Error if the connection is lost over it."""
    if conn.get_transaction_status() == extensions.TRANSACTION_STATUS_IDLE:
        return
    with watched(conn, limit_s):
        conn.rollback()


def _hang_up(conn: extensions.connection) -> None:
    # A descriptor of our own: libpq closes its own.
    with contextlib.suppress(OSError, psycopg2.Error), socket.socket(fileno=os.dup(conn.fileno())) as ours:
        ours.shutdown(socket.SHUT_RDWR)


def _forget_after_fork() -> None:
    # The thread stayed with the parent.
    global _watchdog
    _watchdog = _Watchdog()


os.register_at_fork(after_in_child=_forget_after_fork)
