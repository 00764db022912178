"""Faults of processes: each one killed, and each one stopped without an end."""

import contextlib
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager

import psutil

from tests.chaos.arena import Arena
from tests.chaos.fault import Fault

# Long enough for a request to fail, short enough to go through every function.
_PAUSE_BETWEEN_S = 0.7
_NOTHING_LOST = "nothing accepted is lost or doubled"


def list_gateway(arena: Arena) -> list[psutil.Process]:
    """The process of `make run`, in which the gateway answers."""
    return [psutil.Process(arena.system.pid)]


def list_queue(arena: Arena) -> list[psutil.Process]:
    """The local queue."""
    return [arena.find_queue()]


def list_postmaster(arena: Arena) -> list[psutil.Process]:
    """PostgreSQL's first process, which takes new connections."""
    return arena.list_database_processes()[:1]


def list_monitor(arena: Arena) -> list[psutil.Process]:
    """The monitor, once one runs."""
    return list(arena.system.wait_until(lambda: arena.functions("run_monitor"), 40, "a process of the monitor"))


def send_signal(targets: Sequence[psutil.Process], number: signal.Signals) -> None:
    """Signal processes; one that is gone needs none."""
    for process in targets:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def stop(find: Callable[[Arena], list[psutil.Process]]) -> Callable[[Arena], AbstractContextManager[None]]:
    """SIGSTOP for as long as the block lasts."""

    @contextlib.contextmanager
    def apply(arena: Arena) -> Iterator[None]:
        stopped = find(arena)
        send_signal(stopped, signal.SIGSTOP)
        try:
            yield
        finally:
            send_signal(stopped, signal.SIGCONT)

    return apply


@contextlib.contextmanager
def kill_run(arena: Arena) -> Iterator[None]:
    """`make run` and with it all of its children; it is started again on the same folder when the block ends."""
    send_signal(list_gateway(arena), signal.SIGKILL)
    arena.system.process.wait(10)
    yield
    arena.start_system_again()


@contextlib.contextmanager
def kill_queue(arena: Arena) -> Iterator[None]:
    """The queue; the supervisor starts it again."""
    send_signal(list_queue(arena), signal.SIGKILL)
    yield


@contextlib.contextmanager
def kill_postgres(arena: Arena) -> Iterator[None]:
    """Every process of PostgreSQL; it is started again on its files."""
    send_signal(arena.list_database_processes(), signal.SIGKILL)
    yield
    arena.start_postgres_again()


@contextlib.contextmanager
def kill_monitor(arena: Arena) -> Iterator[None]:
    """Three monitors, one after the other, each as soon as it works."""
    for _ in range(3):
        send_signal(list_monitor(arena), signal.SIGKILL)
        time.sleep(_PAUSE_BETWEEN_S)
    yield


@contextlib.contextmanager
def kill_functions(arena: Arena) -> Iterator[None]:
    """Every function, one after the other."""
    for module in arena.list_modules():
        send_signal(arena.functions(module), signal.SIGKILL)
        time.sleep(_PAUSE_BETWEEN_S)
    yield


@contextlib.contextmanager
def stop_functions(arena: Arena) -> Iterator[None]:
    """Every function, one after the other, each for a moment."""
    for module in arena.list_modules():
        stopped = arena.functions(module)
        send_signal(stopped, signal.SIGSTOP)
        time.sleep(_PAUSE_BETWEEN_S)
        send_signal(stopped, signal.SIGCONT)
    yield


@contextlib.contextmanager
def kill_everything(arena: Arena) -> Iterator[None]:
    """All processes at once; the database and the system are started again."""
    send_signal([*list_gateway(arena), *list_queue(arena), *arena.list_database_processes()], signal.SIGKILL)
    arena.system.process.wait(10)
    yield
    arena.start_postgres_again()
    arena.start_system_again()


PROCESS_FAULTS = (
    Fault("gateway killed", "SIGKILL to `make run`, which takes its children along; started again after 3 s",
          _NOTHING_LOST, kill_run, hold_s=3),
    Fault("gateway stopped", "SIGSTOP to `make run` for 6 s", _NOTHING_LOST, stop(list_gateway), is_quick=True),
    Fault("queue killed", "SIGKILL to the queue; the supervisor starts it again",
          _NOTHING_LOST, kill_queue, hold_s=1, is_quick=True),
    Fault("queue stopped", "SIGSTOP to the queue for 6 s", _NOTHING_LOST, stop(list_queue), is_quick=True),
    Fault("PostgreSQL killed", "SIGKILL to every process of PostgreSQL; started again after 6 s",
          f"ingest accepts; {_NOTHING_LOST}; health and status say that the database is not well", kill_postgres,
          is_accepting=True, unhealthy=("database",)),
    Fault("PostgreSQL takes no connections", "SIGSTOP to the postmaster for 6 s; open sessions go on",
          f"ingest accepts; {_NOTHING_LOST}", stop(list_postmaster), is_accepting=True),
    Fault("monitor killed", "SIGKILL to the monitor, three times in a row",
          f"ingest accepts; {_NOTHING_LOST}", kill_monitor, hold_s=1, is_accepting=True),
    Fault("monitor stopped", "SIGSTOP to the monitor for 6 s",
          f"ingest accepts; {_NOTHING_LOST}", stop(list_monitor), is_accepting=True),
    Fault("each function killed", "SIGKILL to every function, one after the other",
          _NOTHING_LOST, kill_functions, hold_s=0, is_accepting=True),
    Fault("each function stopped", "SIGSTOP to every function for 0.7 s, one after the other",
          _NOTHING_LOST, stop_functions, hold_s=0, is_accepting=True),
    Fault("everything killed", "SIGKILL to `make run`, the queue and PostgreSQL at once; all started again after 2 s",
          _NOTHING_LOST, kill_everything, hold_s=2),
)  # fmt: skip
