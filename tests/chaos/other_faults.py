"""Faults of the queue's file, the webhook's receiver, the clock, the connection pool, and an upgrade."""

import contextlib
import os
import re
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from local.lambda_runtime.worker import _find_interpreter
from local.processes import wait_until
from tests.chaos import pgbouncer, upgrade
from tests.chaos.arena import Arena
from tests.chaos.database_faults import fill_disk
from tests.chaos.fault import Fault
from tests.chaos.process_faults import list_monitor, send_signal
from tests.support.scripted_receiver import Scripted

FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")
_PAGE_BYTES = 4096
_NOTHING_LOST = "nothing accepted is lost or doubled"
_ACCEPTS = f"ingest accepts; {_NOTHING_LOST}"
# The lease is one monitor's at a time: a cycle that finds it taken does nothing, and is tried again at once. `select` waits where
# libfaketime has no part in it.
_CYCLE = """
import select, sys, run_monitor
for _ in range(400):
    if "skipped" not in run_monitor.handle({}, None):
        sys.exit()
    select.select([], [], [], 0.1)
sys.exit("no cycle with a moved clock got the lease")
"""


@contextlib.contextmanager
def fill_queue_disk(arena: Arena) -> Iterator[None]:
    """The disk of the queue and of everything else in DATA_DIR."""
    with fill_disk(arena.data_dir):
        yield


@contextlib.contextmanager
def answer_with(arena: Arena, answer: Scripted) -> Iterator[None]:
    """The receiver answers so; what it was sent meanwhile does not count as delivered."""
    before = len(arena.receiver.received)
    arena.receiver.default = answer
    try:
        yield
    finally:
        arena.receiver.default = Scripted()
        del arena.receiver.received[before:]


@contextlib.contextmanager
def refuse_webhooks(arena: Arena) -> Iterator[None]:
    """The receiver hangs up on everybody."""
    with answer_with(arena, Scripted(is_cut_off=True)):
        yield


@contextlib.contextmanager
def hang_webhooks(arena: Arena) -> Iterator[None]:
    """The receiver takes every request and answers none in time."""
    with answer_with(arena, Scripted(status=503, delay_s=15)):
        yield


def damage_queue(arena: Arena, pages: range) -> None:
    """Overwrite pages of the queue's file while nobody writes, and kill the queue; the supervisor repairs and restarts it."""
    arena.notes["output_before"] = len(arena.read_output())
    queue = arena.find_queue()
    stop_after_checkpoint(queue, arena.data_dir / "queue.sqlite3")
    with (arena.data_dir / "queue.sqlite3").open("r+b") as file:
        for page in pages:
            file.seek(page * _PAGE_BYTES)
            file.write(os.urandom(_PAGE_BYTES))
    send_signal([queue], signal.SIGKILL)
    wait_until(lambda: "the queue: up again" in arena.read_output()[arena.notes["output_before"] :], 30)
    arena.set_visibility(5)


def stop_after_checkpoint(queue: psutil.Process, path: Path) -> None:
    """Stop the queue while all of its messages lie in the file itself; what lies in the log as well would hide the damage."""
    for _attempt in range(50):
        send_signal([queue], signal.SIGSTOP)
        with contextlib.closing(sqlite3.connect(path, timeout=0.2)) as db, contextlib.suppress(sqlite3.OperationalError):
            is_busy, _pages, _moved = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if not is_busy:
                return
        send_signal([queue], signal.SIGCONT)
        time.sleep(0.05)
    raise AssertionError("the queue was never between two transactions")


@contextlib.contextmanager
def damage_first_page(arena: Arena) -> Iterator[None]:
    """The page that names all others."""
    damage_queue(arena, range(1))
    yield


@contextlib.contextmanager
def damage_last_pages(arena: Arena) -> Iterator[None]:
    """Pages that hold messages, while the monitor is held off so that there are some."""
    with arena.no_monitor():
        wait_until(lambda: arena.waiting() >= 100, 20)
        last = (arena.data_dir / "queue.sqlite3").stat().st_size // _PAGE_BYTES
        damage_queue(arena, range(max(1, last - 4), last))
    yield


def count_unreadable(arena: Arena) -> int:
    """Messages that the repair reported as unreadable."""
    found = re.findall(r"([\d,]+) could not be read", " ".join(arena.read_output()[arena.notes["output_before"] :].split()))
    return sum(int(number.replace(",", "")) for number in found)


def find_set_aside(arena: Arena) -> list[str]:
    """A damaged file must be kept under a name of its own, and the console must say which."""
    text = arena.read_output()[arena.notes["output_before"] :]
    kept = list(arena.data_dir.glob("queue.damaged-*.sqlite3"))
    if not kept:
        return ["no damaged file was set aside"]
    return [] if any(file.name in "".join(text.split()) for file in kept) else ["the console does not name the damaged file"]


def run_cycle_at(arena: Arena, shift: str) -> None:
    """A real cycle of the real monitor, in a process whose clock is moved."""
    monitor = list_monitor(arena)[0]
    environ = {**monitor.environ(), "LD_PRELOAD": str(FAKETIME), "FAKETIME": shift, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    command = [_find_interpreter(), "-S", "-s", "-c", _CYCLE]
    for _ in range(3):
        done = subprocess.run(command, cwd=monitor.cwd(), env=environ, capture_output=True, text=True, timeout=150, check=False)
        if done.returncode != 0:
            raise AssertionError(f"the cycle with a moved clock failed: {done.stderr[-600:]}")


@contextlib.contextmanager
def clock_ahead(arena: Arena) -> Iterator[None]:
    """Three cycles 200 days ahead."""
    arena.notes["history"] = count_history(arena)
    run_cycle_at(arena, "+200d")
    yield


@contextlib.contextmanager
def clock_behind(arena: Arena) -> Iterator[None]:
    """Three cycles 200 days behind."""
    arena.notes["history"] = count_history(arena)
    run_cycle_at(arena, "-200d")
    yield


def count_history(arena: Arena) -> dict[str, int]:
    """Rows of the tables that retention deletes from."""
    tables = (
        "error_logs",
        "error_counts_hourly",
        "error_groups",
        "monitor_cycles",
        "check_results",
        "uptime_hours",
        "deliveries",
    )
    return {table: int(arena.sql(f"SELECT count(*) FROM callwatch.{table}")[0][0]) for table in tables}


def find_deleted(arena: Arena) -> list[str]:
    """Tables that lost rows."""
    now = count_history(arena)
    before = arena.notes["history"]
    return [f"{table} lost {count - now[table]} rows" for table, count in before.items() if now[table] < count]


OTHER_FAULTS = (
    Fault("queue disk full", "a file takes all space of DATA_DIR's tmpfs, for 8 s",
          f"what cannot be kept is refused; {_NOTHING_LOST}", fill_queue_disk, hold_s=8, needs=("mount",)),
    Fault("queue file damaged, first page", "the first page of queue.sqlite3 is overwritten, and the queue killed",
          f"{_NOTHING_LOST}; the damaged file is set aside by name", damage_first_page, hold_s=0,
          count_destroyed=count_unreadable, check=find_set_aside),
    Fault("queue file damaged, last pages", "the last 4 pages of queue.sqlite3 are overwritten, and the queue killed",
          "at most the messages on these pages are lost; the damaged file is set aside by name", damage_last_pages, hold_s=0,
          count_destroyed=count_unreadable, check=find_set_aside),
    Fault("receiver down", "the webhook's receiver hangs up for 8 s", f"{_ACCEPTS}; every notification arrives",
          refuse_webhooks, hold_s=8, is_accepting=True),
    Fault("receiver hangs", "the webhook's receiver answers nothing in time for 12 s", f"{_ACCEPTS}; every notification arrives",
          hang_webhooks, hold_s=12, is_accepting=True),
    Fault("clock ahead", "three cycles of a monitor whose clock is 200 days ahead (libfaketime)",
          f"{_ACCEPTS}; no row is deleted", clock_ahead, hold_s=0, needs=("faketime",), is_accepting=True, check=find_deleted),
    Fault("clock behind", "three cycles of a monitor whose clock is 200 days behind (libfaketime)",
          f"{_ACCEPTS}; no row is deleted", clock_behind, hold_s=0, needs=("faketime",), is_accepting=True, check=find_deleted),
    Fault("PgBouncer killed", "SIGKILL to PgBouncer (transaction pooling) before PostgreSQL; started again after 6 s",
          f"{_ACCEPTS}; health and status say that the database is not well", pgbouncer.kill,
          setup="pgbouncer", needs=("pgbouncer",), is_accepting=True, unhealthy=("database",)),
    Fault("upgrade with data", "the system is started on a database of migration 13 with rows in it",
          f"{_NOTHING_LOST}; every old row is there, and an old due notification arrives", upgrade.begin, setup="upgrade",
          hold_s=0, check=upgrade.find_missing),
)  # fmt: skip
