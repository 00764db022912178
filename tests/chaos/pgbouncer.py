"""PgBouncer between the system and PostgreSQL, with transaction pooling, and its end."""

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import psycopg2

from local import processes
from tests.chaos.arena import Arena, build_environ, open_arena
from tests.chaos.process_faults import send_signal

_CONFIGURATION = """
[databases]
* = host=127.0.0.1 port={server_port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {folder}/users.txt
pool_mode = transaction
default_pool_size = 20
max_client_conn = 200
ignore_startup_parameters = extra_float_digits,options
logfile = {folder}/pgbouncer.log
pidfile = {folder}/pgbouncer.pid
"""


def find_program() -> str | None:
    """PgBouncer's path; None where it is not installed."""
    return shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


@contextlib.contextmanager
def run_pooled_arena() -> Iterator[Arena]:
    """An arena whose system speaks to PostgreSQL through PgBouncer; PostgreSQL itself is migrated directly."""
    with open_arena() as arena:
        arena.notes["pgbouncer_port"] = processes.find_free_port()
        _start(arena)
        try:
            server = urlsplit(arena.postgres.dsn)
            pooled = arena.postgres.dsn.replace(f":{server.port}/", f":{arena.notes['pgbouncer_port']}/")
            arena.start_system(build_environ(arena, pooled))
            yield arena
        finally:
            arena.notes["pgbouncer"].kill()


@contextlib.contextmanager
def kill(arena: Arena) -> Iterator[None]:
    """SIGKILL; started again when the block ends."""
    process = arena.notes["pgbouncer"]
    send_signal([process], signal.SIGKILL)
    process.wait(10)
    yield
    _start(arena)


def _start(arena: Arena) -> None:
    program = find_program()
    assert program is not None
    folder, server = arena.folder / "pgbouncer", urlsplit(arena.postgres.dsn)
    folder.mkdir(exist_ok=True)
    port = arena.notes["pgbouncer_port"]
    (folder / "pgbouncer.ini").write_text(_CONFIGURATION.format(server_port=server.port, port=port, folder=folder))
    (folder / "users.txt").write_text(f'"{server.username}" "{server.password}"\n')
    (folder / "pgbouncer.pid").unlink(missing_ok=True)
    user: dict[str, Any] = {}
    if os.geteuid() == 0:
        # PgBouncer refuses to run as root.
        for path in (folder, *folder.iterdir()):
            shutil.chown(path, "nobody", "nogroup")
        user = {"user": "nobody", "group": "nogroup", "extra_groups": []}
    process = subprocess.Popen(
        [program, str(folder / "pgbouncer.ini")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **user
    )
    arena.notes["pgbouncer"] = process

    def answers() -> bool:
        try:
            psycopg2.connect(arena.postgres.dsn.replace(f":{server.port}/", f":{port}/"), connect_timeout=2).close()
        except psycopg2.OperationalError:
            return False
        return True

    assert processes.wait_until(answers, 10), "PgBouncer does not answer"
