"""Faults of the database: gone, silent, full, locked, read-only, and without a connection to spare."""

import contextlib
import json
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from io import RawIOBase
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2 import sql

from local.processes import wait_until
from tests.chaos.arena import Arena
from tests.chaos.fault import Fault
from tests.chaos.process_faults import send_signal

_ACCEPTS = "ingest accepts; nothing accepted is lost or doubled"
_SAYS_SO = f"{_ACCEPTS}; health and status say that the database is not well"
_LOCK_S = 0.6
# The administrator must be able to write where nobody else can.
_WRITING = "-c default_transaction_read_only=off"
_BLOCK_BYTES = 1024 * 1024
_PAGE_BYTES = 4096
_REFILL_S = 0.05
_MAX_NOTIFY_S = 60.0
_MAX_TAKE_S = 60.0


@contextlib.contextmanager
def stop_server(arena: Arena) -> Iterator[None]:
    """A fast shutdown, as for an upgrade of the server."""
    arena.stop_postgres()
    yield
    arena.start_postgres_again()


@contextlib.contextmanager
def freeze(arena: Arena) -> Iterator[None]:
    """Connections stay open and nothing comes back."""
    frozen = arena.list_database_processes()
    send_signal(frozen, signal.SIGSTOP)
    try:
        yield
    finally:
        send_signal(frozen, signal.SIGCONT)


@contextlib.contextmanager
def set_read_only(arena: Arena) -> Iterator[None]:
    """Every transaction is read-only, as on a replica."""
    with contextlib.closing(arena.connect(options=_WRITING)) as conn:
        conn.autocommit = True
        cursor = conn.cursor()
        for value in ("on", "off"):
            cursor.execute(sql.SQL("ALTER SYSTEM SET default_transaction_read_only = {}").format(sql.SQL(value)))
            cursor.execute("SELECT pg_reload_conf()")
            if value == "on":
                yield


@contextlib.contextmanager
def take_connections(arena: Arena) -> Iterator[None]:
    """Every other session is ended, and every connection of the server is taken.

    What is ended leaves a place that the system takes again where it is faster, so that is repeated until nobody else holds one.
    """
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(contextlib.closing(arena.connect()))]
        held[0].autocommit = True
        deadline = time.monotonic() + _MAX_TAKE_S
        while True:
            try:
                held.append(stack.enter_context(contextlib.closing(arena.connect())))
            except psycopg2.OperationalError:
                if not _end_other_sessions(held):
                    break
            assert time.monotonic() < deadline, "the system always took a connection again"
        yield


def _end_other_sessions(held: Sequence[Any]) -> int:
    """End the sessions of everybody else; return how many there were."""
    cursor = held[0].cursor()
    cursor.execute(
        """SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
           WHERE backend_type = 'client backend' AND NOT pid = ANY(%s)""",
        ([conn.info.backend_pid for conn in held],),
    )
    return int(cursor.fetchone()[0])


@contextlib.contextmanager
def hold_locks(conn: Any, tables: Sequence[str]) -> Iterator[None]:
    """Nobody else reads or writes these tables."""
    cursor = conn.cursor()
    try:
        for table in tables:
            cursor.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(sql.Identifier("callwatch", table)))
        yield
    finally:
        conn.rollback()


def list_tables(conn: Any) -> list[str]:
    """Tables of the schema; of a partitioned one the parent, whose lock covers its partitions."""
    cursor = conn.cursor()
    cursor.execute(
        """SELECT relname FROM pg_class WHERE relnamespace = 'callwatch'::regnamespace AND relkind IN ('r', 'p')
           AND NOT relispartition ORDER BY relname"""
    )
    names = [row[0] for row in cursor.fetchall()]
    conn.rollback()
    return names


@contextlib.contextmanager
def lock_each_table(arena: Arena) -> Iterator[None]:
    """Every table of the schema, one after the other."""
    with contextlib.closing(arena.connect()) as conn:
        for table in list_tables(conn):
            with hold_locks(conn, [table]):
                time.sleep(_LOCK_S)
    yield


@contextlib.contextmanager
def lock_all_tables(arena: Arena) -> Iterator[None]:
    """Every table at once; a deadlock with the system is tried again."""
    with contextlib.ExitStack() as stack:
        conn = stack.enter_context(contextlib.closing(arena.connect()))
        tables = list_tables(conn)
        for _attempt in range(20):
            with contextlib.suppress(psycopg2.errors.DeadlockDetected):
                stack.enter_context(hold_locks(conn, tables))
                break
        else:
            raise AssertionError("the tables could not be locked")
        yield


@contextlib.contextmanager
def fill_disk(folder: Path) -> Iterator[None]:
    """No byte is left on a disk, also where a process frees some meanwhile."""
    ballast, is_over = folder / "ballast", threading.Event()
    with ballast.open("wb", buffering=0) as file:
        _take_space(file)
        keeper = threading.Thread(target=_keep_full, args=(file, is_over), daemon=True)
        keeper.start()
        try:
            yield
        finally:
            is_over.set()
            keeper.join()
            ballast.unlink()


def _keep_full(file: RawIOBase, is_over: threading.Event) -> None:
    while not is_over.wait(_REFILL_S):
        _take_space(file)


def _take_space(file: RawIOBase) -> None:
    for size in (_BLOCK_BYTES, _PAGE_BYTES):
        with contextlib.suppress(OSError):
            while file.write(b"x" * size):
                pass


@contextlib.contextmanager
def fill_database_disk(arena: Arena) -> Iterator[None]:
    """The database's disk; a server that gave up is started again when there is space."""
    with fill_disk(arena.database_disk):
        yield
    if wait_until(lambda: arena.postgres.process.poll() is not None, 0.5):
        arena.start_postgres_again()


@contextlib.contextmanager
def fill_only_disk(arena: Arena) -> Iterator[None]:
    """The one disk of queue, logs and PostgreSQL; what gave up is started again by `make run` itself."""
    with fill_disk(arena.data_dir):
        yield


def find_untold_outage(arena: Arena) -> list[str]:
    """The outage and its end must have been notified, and the alert's row must be written."""
    deadline = time.monotonic() + _MAX_NOTIFY_S
    while (problems := _list_untold(arena)) and time.monotonic() < deadline:
        time.sleep(0.5)
    return problems


def _list_untold(arena: Arena) -> list[str]:
    bodies = [json.loads(request.body) for request in arena.receiver.received[arena.notes["received_before"] :]]
    told = [(body["type"], body["data"]["alert_id"]) for body in bodies if body["data"].get("rule_id") == "database_health"]
    fired, resolved = ({alert_id for kind, alert_id in told if kind == wanted} for wanted in ("alert.firing", "alert.resolved"))
    problems = [] if fired else ["no alert.firing of database_health was notified"]
    problems += [f"the end of {alert_id} was not notified" for alert_id in sorted(fired - resolved)]
    rows = arena.sql(
        "SELECT resolved_at IS NOT NULL FROM callwatch.alerts WHERE rule_id = 'database_health' AND resolved_at > %s",
        arena.notes["started_at"],
    )
    return problems if rows else [*problems, "no row of a resolved database_health was written"]


@contextlib.contextmanager
def fill_both_disks(arena: Arena) -> Iterator[None]:
    """The database's disk, and that of the queue."""
    with fill_disk(arena.data_dir), fill_database_disk(arena):
        yield


@contextlib.contextmanager
def drop_product(arena: Arena) -> Iterator[None]:
    """The product's database does not exist."""
    with contextlib.closing(arena.connect()) as conn:
        conn.autocommit = True
        conn.cursor().execute("DROP DATABASE product WITH (FORCE)")
        yield
        conn.cursor().execute("CREATE DATABASE product")


DATABASE_FAULTS = (
    Fault("database stopped", "fast shutdown of PostgreSQL for 10 s", _SAYS_SO, stop_server, hold_s=10,
          is_accepting=True, unhealthy=("database",)),
    Fault("database frozen", "SIGSTOP to every process of PostgreSQL for 12 s", _SAYS_SO, freeze, hold_s=12,
          is_accepting=True, unhealthy=("database",)),
    Fault("database read-only", "`default_transaction_read_only` for the whole server, for 8 s", _SAYS_SO, set_read_only,
          hold_s=8, is_accepting=True, unhealthy=("database",)),
    Fault("database out of connections", "all connections of the server are taken, for 8 s", _SAYS_SO, take_connections,
          hold_s=8, is_accepting=True, unhealthy=("database",)),
    Fault("each table locked", "ACCESS EXCLUSIVE lock on every table, one after the other", _ACCEPTS, lock_each_table,
          hold_s=0, is_accepting=True),
    Fault("all tables locked", "ACCESS EXCLUSIVE lock on all tables at once, for 10 s", _ACCEPTS, lock_all_tables,
          hold_s=10, is_accepting=True),
    Fault("database disk full", "a file takes all space of the database's tmpfs, for 10 s", _SAYS_SO, fill_database_disk,
          hold_s=10, needs=("mount",), is_accepting=True, unhealthy=("database",)),
    Fault("both disks full", "both of these, for 8 s", "nothing accepted is lost or doubled; the system goes on afterwards",
          fill_both_disks, hold_s=8, needs=("mount",), unhealthy=("database",)),
    Fault("only disk full", "a file takes all space of the one disk of `make run` without DATABASE_URL, for 12 s",
          "what cannot be kept is refused; nothing accepted is lost or doubled; health and status say so; the outage and its end"
          " are notified and written", fill_only_disk, hold_s=12, setup="single", needs=("mount",), unhealthy=("database",),
          check=find_untold_outage),
    Fault("product database gone", "DROP DATABASE of the product for 6 s", _ACCEPTS, drop_product, is_accepting=True),
)  # fmt: skip
