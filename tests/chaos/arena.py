"""Where faults are played: a system, a PostgreSQL and a webhook receiver of its own, each on a small disk of its own."""

import contextlib
import functools
import itertools
import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
import psycopg2

from local import processes
from local import system as local_system
from local.postgres import server as postgres
from tests.chaos.site import Site
from tests.conftest import FAST
from tests.functions.conftest import webhook_to
from tests.support.scripted_receiver import Receiver

# What was committed survives the end of the server's processes, as it does by default.
_SERVER = {**FAST, "synchronous_commit": "on", "max_connections": "60"}
_DATABASE_DISK = "400m"
_DATA_DISK = "120m"
# With the embedded PostgreSQL on it.
_SINGLE_DISK = "400m"
# What a killed process had in hand comes again after this time, not after the template's two minutes.
VISIBILITY_S = 5
# Faults that one arena can be played with.
_MAX_FAULTS = 60
_NEVER = 10_000


def build_rules() -> list[dict[str, Any]]:
    """A rule for the new error of each fault; the built-in rules on new errors would hold many of these back as a storm."""
    common = {"level": "warning", "comparison": ">=", "channels": ["webhook"]}
    rules: list[dict[str, Any]] = [
        {**common, "id": "many_new_errors", "name": "Many new errors", "metric": "errors.new_groups", "threshold": _NEVER},
        {**common, "id": "new_error_group", "name": "New error", "metric": "errors.new_group", "threshold": 1,
         "labels": {"type": "NoSuchType"}},
    ]  # fmt: skip
    for number in range(1, _MAX_FAULTS + 1):
        one = {"id": f"beacon_{number}", "name": f"Beacon {number}", "metric": "errors.new_group", "threshold": 1}
        rules.append({**common, **one, "labels": {"type": f"Beacon{number}"}})
    return rules


class Arena(Site):
    """A site whose every part a fault can take away and bring back."""

    def __init__(self, folder: Path, server: postgres.RunningPostgres, receiver: Receiver) -> None:
        super().__init__(folder, server)
        self.receiver = receiver
        self.environ: dict[str, str] = {}
        self.notes: dict[str, Any] = {}
        self._beacons = itertools.count(1)

    def name_beacon(self) -> str:
        """The type of an error that no fault before sent, and that has an alert of its own."""
        return f"Beacon{next(self._beacons)}"

    @property
    def dsn(self) -> str:
        """The monitor's database: its own embedded one, where no other was given."""
        is_embedded = bool(self.environ) and "DATABASE_URL" not in self.environ
        return self.system.database_url if is_embedded else super().dsn

    @property
    def data_dir(self) -> Path:
        """The system's data folder, on a disk of its own."""
        return self.folder / "system"

    @property
    def database_disk(self) -> Path:
        """The disk that the database's files lie on."""
        return self.folder / "database"

    def start_system(self, environ: Mapping[str, str]) -> None:
        """Start the system with its cycle of 1 s."""
        self.environ = dict(environ)
        self.system = local_system.start(self.data_dir, 1, self.environ)
        self.__dict__.pop("sqs", None)
        self.set_visibility(VISIBILITY_S)

    def start_system_again(self) -> None:
        """Start it on what a killed one left."""
        self.start_system(self.environ)

    def find_queue(self) -> psutil.Process:
        """The process of the queue."""
        found = processes.find(processes.read_note(self.data_dir / "queue.pid"))
        assert found is not None, "the queue is not running"
        return found

    def list_database_processes(self) -> list[psutil.Process]:
        """The postmaster, then its children."""
        postmaster = psutil.Process(self.postgres.pid)
        return [postmaster, *postmaster.children(recursive=True)]

    def list_modules(self) -> list[str]:
        """Modules of the functions that run now."""
        return sorted({process.cmdline()[-1].partition(".")[0] for process in self.functions()})

    def start_postgres_again(self) -> None:
        """Start PostgreSQL on its files, at its address."""
        self.postgres.process.wait(20)
        self.postgres.restart()

    def connect(self, **options: Any) -> Any:
        """A connection of the administrator to the database server itself."""
        return psycopg2.connect(self.postgres.dsn, connect_timeout=3, **options)

    def read_output(self) -> str:
        """What the system has printed so far."""
        return self.system.output.read_text(errors="replace")


@contextlib.contextmanager
def open_arena(data_disk: str = _DATA_DISK) -> Iterator[Arena]:
    """The disks, a server with a database for us and one for a product, and a receiver, without a system yet."""
    with contextlib.ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="callwatch-chaos-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        folder.chmod(0o755)
        for name, size in (("database", _DATABASE_DISK), ("system", data_disk)):
            (folder / name).mkdir()
            if can_mount():
                mount(folder / name, size)
                stack.callback(unmount, folder / name)
        server = postgres.start(folder / "database" / "own", _SERVER)
        stack.callback(server.stop)
        receiver = stack.enter_context(Receiver())
        arena = Arena(folder, server, receiver)
        with contextlib.closing(arena.connect()) as conn:
            conn.autocommit = True
            conn.cursor().execute("CREATE DATABASE product")
        stack.callback(_end_system, arena)
        yield arena


@contextlib.contextmanager
def run_plain_arena() -> Iterator[Arena]:
    """An arena whose system speaks to PostgreSQL directly, and to a product in another database."""
    with open_arena() as arena:
        arena.start_system(build_environ(arena, arena.postgres.dsn))
        yield arena


@contextlib.contextmanager
def run_single_disk_arena() -> Iterator[Arena]:
    """An arena as `make run` starts it without settings: queue, logs and PostgreSQL on one disk."""
    with open_arena(_SINGLE_DISK) as arena:
        environ = build_environ(arena, "")
        del environ["DATABASE_URL"]
        arena.start_system(environ)
        yield arena


def build_environ(arena: Arena, database_url: str) -> dict[str, str]:
    """The settings of a system that is played on."""
    rules = arena.folder / "rules.json"
    rules.write_text(json.dumps(build_rules()))
    rules.chmod(0o644)
    return {
        **webhook_to(arena.receiver),
        "DATABASE_URL": database_url,
        "PRODUCT_DATABASE_URL": f"{arena.postgres.dsn.rpartition('/')[0]}/product",
        "RULES_FILE": str(rules),
    }


@functools.cache
def can_mount() -> bool:
    """Whether a small file system can be mounted here."""
    if os.geteuid() != 0:
        return False
    with tempfile.TemporaryDirectory() as folder:
        if subprocess.run(_mount_command(Path(folder), "1m"), capture_output=True, check=False).returncode != 0:
            return False
        unmount(Path(folder))
    return True


def mount(folder: Path, size: str) -> None:
    """A file system in memory of so many bytes, in place of a folder."""
    subprocess.run(_mount_command(folder, size), check=True)


def unmount(folder: Path) -> None:
    """Take it away."""
    subprocess.run(["umount", "--lazy", str(folder)], check=False)


def _mount_command(folder: Path, size: str) -> list[str]:
    return ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0755", "tmpfs", str(folder)]


def _end_system(arena: Arena) -> None:
    if not hasattr(arena, "system"):
        return
    # A fault that failed may have left a stopped process, which would not react to a polite signal.
    with contextlib.suppress(psutil.Error):
        family = [psutil.Process(arena.system.pid), *psutil.Process(arena.system.pid).children(recursive=True)]
        for process in family:
            with contextlib.suppress(psutil.Error):
                process.send_signal(signal.SIGCONT)
    with contextlib.suppress(subprocess.TimeoutExpired):
        local_system.stop(arena.system)
