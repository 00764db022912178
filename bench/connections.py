"""Counts how many database connections each function holds at once, which is what its pool has to have.

Every function is called with its example event of events/, after a cycle of the monitor has filled the tables; a pool grows to
whatever is asked of it. `alone` is the most of one invocation, as in Lambda, where an environment serves one at a time. With
PgBouncer on the machine, all of it runs through its transaction mode, and no session may keep a setting that was not its own.
"""

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch
from urllib.parse import urlsplit

import psycopg2

from bench._database import own_database
from bench._results import build_figure, write_results
from bench.memory import OF_THE_DEPLOYMENT
from bench.throughput import make_queues
from callwatch.db import reset_pool
from callwatch.db.connections.pool import Pool
from callwatch.db.core.connect import Connection
from callwatch.runtime.log import logger
from callwatch.settings import reset_settings
from local import processes
from local.sqs import server as local_queue
from simulator import scenes

ROOT = Path(__file__).resolve().parents[1]
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
default_pool_size = 4
ignore_startup_parameters = extra_float_digits,options
logfile = {folder}/pgbouncer.log
"""
# What a session has that nobody set: PgBouncer keeps these for each client by itself.
_KEPT_BY_POOLER = ("application_name", "client_encoding", "DateStyle", "TimeZone", "standard_conforming_strings")
_LEFT = "SELECT name, setting FROM pg_settings WHERE source = 'session' AND name <> ALL (%s) ORDER BY name"
_LOCKS = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"


@dataclass
class Lent:
    """Connections that are lent now, and the most at once."""

    now: int = 0
    most: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, change: int) -> None:
        """Count one more or one less."""
        with self.lock:
            self.now += change
            self.most = max(self.most, self.now)


def main() -> None:
    """Print a row for each number of connections, and what the sessions behind a pooler keep."""
    logger.setLevel("CRITICAL")
    program = find_pooler()
    with tempfile.TemporaryDirectory() as folder, own_database() as dsn:
        server = local_queue.start(Path(folder))
        try:
            with make_queues(server), run_pooler(program, dsn) if program else contextlib.nullcontext(dsn) as used:
                scenes.make_tables(dsn)
                needed = count_all(used)
                left = list_left(used) if program else None
        finally:
            server.stop()
    for count in sorted(set(needed.values())):
        names = sorted(name for name, most in needed.items() if most == count)
        print(f"{count} at once: {', '.join(names)}")
    told = "not tried, it is not installed" if left is None else ", ".join(left) or "nothing"
    print(f"behind PgBouncer in transaction mode, left in sessions: {told}")
    write_results("connections", [build_figure("connections at once", most, "", function=name) for name, most in needed.items()])


def find_pooler() -> str | None:
    """Return PgBouncer's path; None where it is not installed."""
    return shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


@contextlib.contextmanager
def run_pooler(program: str, dsn: str) -> Iterator[str]:
    """Run PgBouncer with transaction pooling before a server; yields the connection string through it."""
    server, port = urlsplit(dsn), processes.find_free_port()
    own = Path(tempfile.mkdtemp(prefix="callwatch-pooler-"))
    (own / "pgbouncer.ini").write_text(_CONFIGURATION.format(server_port=server.port, port=port, folder=own))
    (own / "users.txt").write_text(f'"{server.username}" "{server.password}"\n')
    pooled = dsn.replace(f":{server.port}/", f":{port}/")
    command = [program, str(own / "pgbouncer.ini")]
    if os.geteuid() == 0:
        # PgBouncer refuses to run as root.
        for path in (own, *own.iterdir()):
            shutil.chown(path, "nobody", "nogroup")
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, user="nobody", group="nogroup", extra_groups=[]
        )
    else:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def answers() -> bool:
        with contextlib.suppress(psycopg2.OperationalError):
            psycopg2.connect(pooled, connect_timeout=2).close()
            return True
        return False

    try:
        assert processes.wait_until(answers, 10), "PgBouncer does not answer"
        yield pooled
    finally:
        reset_pool()
        process.kill()
        process.wait()
        shutil.rmtree(own, ignore_errors=True)


def count_all(dsn: str) -> dict[str, int]:
    """Return the most connections at once of each function that an event can be sent to."""
    os.environ["DATABASE_URL"] = dsn
    reset_pool()
    reset_settings()
    names = sorted(path.stem for path in (ROOT / "functions").glob("*.py") if path.stem not in OF_THE_DEPLOYMENT)
    # Its cycle fills the tables that the others read.
    names.sort(key=lambda name: name != "run_monitor")
    return {name: count_one(name) for name in names}


def count_one(name: str) -> int:
    """Return the most connections at once of one invocation of a function."""
    event = json.loads((ROOT / "events" / f"{name}.json").read_text())
    if "requestContext" in event:
        event["requestContext"]["authorizer"] = {"lambda": {"role": "admin", "actor": "bench"}}
    context = SimpleNamespace(
        function_name=name, aws_request_id="bench", memory_limit_in_mb=512, get_remaining_time_in_millis=lambda: 50_000
    )
    lent = Lent()
    acquire, release = Pool.acquire, Pool.release

    def take(pool: Pool) -> Connection:
        conn = acquire(pool)
        lent.add(1)
        return conn

    def give_back(pool: Pool, conn: Connection) -> None:
        lent.add(-1)
        release(pool, conn)

    with patch.object(Pool, "acquire", take), patch.object(Pool, "release", give_back), _silence():
        import_module(f"functions.{name}").lambda_handler(event, context)
    assert lent.now == 0, f"{name} keeps {lent.now} connections"
    return lent.most


def list_left(dsn: str) -> list[str]:
    """Return what the sessions behind a pooler have that another client of it would get: settings, and advisory locks."""
    found = set()
    with contextlib.ExitStack() as stack:
        # At once, so that each has a session of its own.
        for _session in range(4):
            conn = stack.enter_context(contextlib.closing(psycopg2.connect(dsn)))
            with conn.cursor() as cursor:
                cursor.execute(_LEFT, (list(_KEPT_BY_POOLER),))
                found |= {f"{name} = {value}" for name, value in cursor.fetchall()}
                cursor.execute(_LOCKS)
                found |= {f"{count} advisory locks" for (count,) in cursor.fetchall() if count}
    return sorted(found)


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    with open(os.devnull, "w") as nothing, contextlib.redirect_stdout(nothing):
        yield


if __name__ == "__main__":
    main()
