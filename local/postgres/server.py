"""The embedded PostgreSQL: start, recovery after a kill, and stop; on 127.0.0.1 only and with a password only."""

import atexit
import contextlib
import fcntl
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path

import psutil
import psycopg2

from local import processes
from local.postgres import files
from local.postgres.files import USER, PostgresError

OLDEST_MAJOR = 14
_START_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 20.0
_LOG_LIMIT_BYTES = 10_000_000

__all__ = ["PostgresError", "RunningPostgres", "check_server", "start"]


@dataclass(slots=True)
class RunningPostgres:
    """A running server: `dsn` names its database `callwatch`, `home` is the folder of its files."""

    dsn: str
    port: int
    home: Path
    process: subprocess.Popen[bytes]
    lock: TextIOWrapper
    options: Mapping[str, str]

    @property
    def pid(self) -> int:
        """Return the pid of the postmaster."""
        return self.process.pid

    def stop(self) -> None:
        """Shut down fast: running statements are canceled, committed data is kept. A second call does nothing."""
        atexit.unregister(self.stop)
        if self.process.poll() is None:
            with contextlib.suppress(psutil.NoSuchProcess):
                processes.end(psutil.Process(self.process.pid), signal.SIGINT, _STOP_TIMEOUT_S)
        self.process.wait(5)
        self.lock.close()

    def restart(self) -> None:
        """Restart a server that died, at its old address; committed data is kept. Raises PostgresError."""
        binaries = files.find_binaries(self.home)
        _end_leftover(self.home / "cluster")
        if processes.find_free_port(self.port) != self.port:
            raise PostgresError(f"PostgreSQL cannot be started again: another program took port {self.port}")
        self.process = _spawn(binaries, self.home, self.port, self.options)
        if not _is_ready(self, f"{self.dsn.rpartition('/')[0]}/postgres"):
            raise PostgresError(f"PostgreSQL did not start again: {_read_last_words(self.home)}")


def start(data_dir: Path, options: Mapping[str, str] | None = None) -> RunningPostgres:
    """Start the server whose files belong to `data_dir`; create them first if there are none.

    options: settings of postgresql.conf to start with. The server ends with this process, however that
    ends (on Linux: with the thread that called this). Raises PostgresError with one line and the remedy.
    """
    lock = None
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        data_dir = data_dir.resolve()
        lock = _lock(data_dir)
        home = files.find_home(data_dir)
        binaries = files.find_binaries(home)
        password = files.read_password(data_dir, home)
        files.make_cluster(binaries, home, password)
        _end_leftover(home / "cluster")
        running = _start_on_free_port(data_dir, home, binaries, password, lock, dict(options or {}))
    except BaseException as error:
        if lock is not None:
            lock.close()
        if isinstance(error, OSError):
            raise PostgresError(f"PostgreSQL cannot be set up: {error}") from error
        raise
    atexit.register(running.stop)
    return running


def check_server(dsn: str) -> None:
    """Raise PostgresError if the server behind `dsn` cannot be reached or is too old."""
    try:
        conn = psycopg2.connect(dsn, connect_timeout=5)
    except psycopg2.OperationalError as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise PostgresError(f"DATABASE_URL: the server cannot be reached ({reason})") from None
    except psycopg2.Error:
        # libpq quotes a string that it cannot parse, password included.
        raise PostgresError("DATABASE_URL must be a URL such as postgresql://user:password@host:5432/name") from None
    major = conn.server_version // 10_000
    conn.close()
    if major < OLDEST_MAJOR:
        raise PostgresError(f"DATABASE_URL: PostgreSQL {OLDEST_MAJOR} or later is needed, the server is {major}")


def _lock(data_dir: Path) -> TextIOWrapper:
    """Lock `data_dir` for this server; the kernel releases the lock when this process ends."""
    lock = (data_dir / "postgres.lock").open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise PostgresError(f"{data_dir} is in use by another run; stop that one or choose another DATA_DIR") from None
    return lock


def _end_leftover(cluster: Path) -> None:
    """End the server that a killed run left on this cluster; leave every other process alone."""
    pid_file = cluster / "postmaster.pid"
    if not pid_file.is_file():
        return
    # The server's processes have their cluster as working directory: that distinguishes them from a stranger, even one with a
    # reused pid.
    leftovers = [process for process in psutil.process_iter() if _works_in(process, cluster)]
    leftovers.sort(key=lambda process: process.create_time())
    for process in leftovers:
        processes.end(process, signal.SIGINT, _STOP_TIMEOUT_S)
    try:
        pid = int(pid_file.read_text().splitlines()[0])
    except (OSError, IndexError, ValueError):
        return
    if psutil.pid_exists(pid):
        # PostgreSQL would mistake the process that now has this pid for a running server, and refuse to start.
        pid_file.unlink(missing_ok=True)


def _works_in(process: psutil.Process, cluster: Path) -> bool:
    try:
        return process.name().startswith("postgres") and Path(process.cwd()).samefile(cluster)
    except (psutil.Error, OSError):
        return False


def _start_on_free_port(
    data_dir: Path, home: Path, binaries: Path, password: str, lock: TextIOWrapper, options: dict[str, str]
) -> RunningPostgres:
    """Start on the previous port if it is free, otherwise on another one."""
    port_file = data_dir / "postgres.port"
    text = processes.read_note(port_file)
    wanted = int(text) if text.isascii() and text.isdigit() and 0 < int(text[:6]) < 65536 else 0
    for preferred in (wanted, 0):
        port = processes.find_free_port(preferred)
        process = _spawn(binaries, home, port, options)
        running = RunningPostgres(_build_dsn(password, port, "callwatch"), port, home, process, lock, options)
        if _is_ready(running, _build_dsn(password, port, "postgres")):
            port_file.write_text(str(port))
            return running
    raise PostgresError(f"PostgreSQL did not start: {_read_last_words(home)}")


def _spawn(binaries: Path, home: Path, port: int, options: Mapping[str, str]) -> subprocess.Popen[bytes]:
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": "",
        "max_connections": "200",
        "password_encryption": "scram-sha-256",
        "timezone": "UTC",
        "log_timezone": "UTC",
        # A failed statement would be logged with its data.
        "log_min_error_statement": "panic",
        "log_error_verbosity": "terse",
        **options,
    }
    log = home / "server.log"
    is_long = log.is_file() and log.stat().st_size > _LOG_LIMIT_BYTES
    with log.open("wb" if is_long else "ab") as output, files.as_server(home / "cluster") as ((folder,), arguments):
        command = [str(binaries / "postgres"), "-D", folder]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        return subprocess.Popen(
            command,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=files.ENVIRONMENT,
            start_new_session=True,
            # Set after the change of user, which would clear it. SIGINT is PostgreSQL's fast shutdown.
            preexec_fn=processes.die_with_parent(signal.SIGINT),
            **arguments,
        )


def _is_ready(running: RunningPostgres, admin_dsn: str) -> bool:
    """Wait until the server answers, and create the database `callwatch`; False if the server ended."""
    refusals = []

    def has_answered_or_ended() -> bool:
        if running.process.poll() is not None:
            return True
        try:
            conn = psycopg2.connect(admin_dsn, connect_timeout=2)
        except psycopg2.OperationalError as error:
            refusals.append(str(error))
            return "password authentication failed" in refusals[-1]
        conn.autocommit = True
        with contextlib.closing(conn), conn.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = 'callwatch'")
            if cursor.fetchone() is None:
                cursor.execute("CREATE DATABASE callwatch")
        refusals.clear()
        return True

    has_ended_waiting = processes.wait_until(has_answered_or_ended, _START_TIMEOUT_S, 0.02)
    if running.process.poll() is not None:
        return False
    if has_ended_waiting and not refusals:
        return True
    processes.end(psutil.Process(running.pid), signal.SIGINT, _STOP_TIMEOUT_S)
    running.process.wait(5)
    if has_ended_waiting:
        raise PostgresError(f"the password kept for {running.home} is not its own; choose another DATA_DIR")
    raise PostgresError(f"PostgreSQL did not answer within {_START_TIMEOUT_S:.0f} s: {_read_last_words(running.home)}")


def _read_last_words(home: Path) -> str:
    lines = (home / "server.log").read_text(errors="replace").splitlines()[-3:]
    return f"{' | '.join(lines)} ({home / 'server.log'})"


def _build_dsn(password: str, port: int, database: str) -> str:
    return f"postgresql://{USER}:{password}@127.0.0.1:{port}/{database}"
