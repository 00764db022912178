"""The embedded PostgreSQL: started, recovered after a kill and stopped, on 127.0.0.1 only and by password only."""

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

from local import postgres_files as files
from local import processes
from local.postgres_files import USER, PostgresError

OLDEST_MAJOR = 14
_START_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 20.0
_LOG_LIMIT_BYTES = 10_000_000

__all__ = ["PostgresError", "RunningPostgres", "check_server", "start"]


@dataclass(slots=True)
class RunningPostgres:
    """A server that is up: `dsn` names its database `callwatch`, `home` is where its files live."""

    dsn: str
    port: int
    home: Path
    process: subprocess.Popen[bytes]
    lock: TextIOWrapper

    @property
    def pid(self) -> int:
        """Pid of the postmaster."""
        return self.process.pid

    def stop(self) -> None:
        """Fast shutdown: running statements are cancelled, what was committed is kept. A second call does nothing."""
        atexit.unregister(self.stop)
        if self.process.poll() is None:
            with contextlib.suppress(psutil.NoSuchProcess):
                processes.end(psutil.Process(self.process.pid), signal.SIGINT, _STOP_TIMEOUT_S)
        self.process.wait(5)
        self.lock.close()


def start(data_dir: Path, options: Mapping[str, str] | None = None) -> RunningPostgres:
    """Start the server whose files belong to `data_dir`, making them first where there are none.

    options: settings of postgresql.conf to start with. The server ends with this process, however that
    ends (on Linux: with the thread that called this). Raises PostgresError with one line and the remedy.
    """
    lock = None
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        data_dir = data_dir.resolve()
        lock = _lock(data_dir)
        home = files.home_of(data_dir)
        binaries = files.find_binaries(home)
        password = files.password_of(data_dir, home)
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
    """Raise PostgresError where the server behind `dsn` cannot be reached or is too old."""
    try:
        conn = psycopg2.connect(dsn, connect_timeout=5)
    except psycopg2.OperationalError as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise PostgresError(f"DATABASE_URL: the server cannot be reached ({reason})") from None
    except psycopg2.Error:
        # libpq quotes a string it cannot read, password and all.
        raise PostgresError("DATABASE_URL takes a URL such as postgresql://user:password@host:5432/name") from None
    major = conn.server_version // 10_000
    conn.close()
    if major < OLDEST_MAJOR:
        raise PostgresError(f"DATABASE_URL: PostgreSQL {OLDEST_MAJOR} or later is needed, the server is {major}")


def _lock(data_dir: Path) -> TextIOWrapper:
    """The right to run on `data_dir`, which the kernel takes back when this process ends."""
    lock = (data_dir / "postgres.lock").open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise PostgresError(f"{data_dir} is in use by another run; stop that one or choose another DATA_DIR") from None
    return lock


def _end_leftover(cluster: Path) -> None:
    """End the server that a killed run left on this very cluster; leave every other process alone."""
    pid_file = cluster / "postmaster.pid"
    if not pid_file.is_file():
        return
    # The server's processes work inside their cluster: that tells them from any stranger, also one with its pid.
    leftovers = [process for process in psutil.process_iter() if _works_in(process, cluster)]
    leftovers.sort(key=lambda process: process.create_time())
    for process in leftovers:
        processes.end(process, signal.SIGINT, _STOP_TIMEOUT_S)
    try:
        pid = int(pid_file.read_text().splitlines()[0])
    except (OSError, IndexError, ValueError):
        return
    if psutil.pid_exists(pid):
        # PostgreSQL would take the stranger that has this pid now for a running server, and refuse to start.
        pid_file.unlink(missing_ok=True)


def _works_in(process: psutil.Process, cluster: Path) -> bool:
    try:
        return process.name().startswith("postgres") and Path(process.cwd()).samefile(cluster)
    except (psutil.Error, OSError):
        return False


def _start_on_free_port(
    data_dir: Path, home: Path, binaries: Path, password: str, lock: TextIOWrapper, options: dict[str, str]
) -> RunningPostgres:
    """Start on the port of last time where that is free, and on another one where somebody was faster."""
    port_file = data_dir / "postgres.port"
    text = port_file.read_text().strip() if port_file.is_file() else ""
    wanted = int(text) if text.isdigit() and 0 < int(text) < 65536 else 0
    for preferred in (wanted, 0):
        port = processes.free_port(preferred)
        process = _spawn(binaries, home, port, options)
        running = RunningPostgres(_dsn(password, port, "callwatch"), port, home, process, lock)
        if _is_ready(running, _dsn(password, port, "postgres")):
            port_file.write_text(str(port))
            return running
    raise PostgresError(f"PostgreSQL did not start: {_last_words(home)}")


def _spawn(binaries: Path, home: Path, port: int, options: dict[str, str]) -> subprocess.Popen[bytes]:
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": "",
        "max_connections": "200",
        "password_encryption": "scram-sha-256",
        "timezone": "UTC",
        "log_timezone": "UTC",
        # A statement that failed would stand in the log with the data it carried.
        "log_min_error_statement": "panic",
        "log_error_verbosity": "terse",
        **options,
    }
    command = [str(binaries / "postgres"), "-D", str(home / "cluster")]
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]
    log = home / "server.log"
    is_long = log.is_file() and log.stat().st_size > _LOG_LIMIT_BYTES
    with log.open("wb" if is_long else "ab") as output:
        return subprocess.Popen(
            command,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=files.ENVIRONMENT,
            start_new_session=True,
            # After the change of user, which would clear it. SIGINT is PostgreSQL's fast shutdown.
            preexec_fn=processes.die_with_parent(signal.SIGINT),
            **files.as_server_user(),
        )


def _is_ready(running: RunningPostgres, admin_dsn: str) -> bool:
    """Wait until the server answers, and make the database `callwatch`; False where the server gave up."""
    refusals = []

    def answers_or_ended() -> bool:
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

    has_ended_waiting = processes.wait_until(answers_or_ended, _START_TIMEOUT_S, 0.02)
    if running.process.poll() is not None:
        return False
    if has_ended_waiting and not refusals:
        return True
    processes.end(psutil.Process(running.pid), signal.SIGINT, _STOP_TIMEOUT_S)
    running.process.wait(5)
    if has_ended_waiting:
        raise PostgresError(f"the password kept for {running.home} is not its own; choose another DATA_DIR")
    raise PostgresError(f"PostgreSQL did not answer within {_START_TIMEOUT_S:.0f} s: {_last_words(running.home)}")


def _last_words(home: Path) -> str:
    lines = (home / "server.log").read_text(errors="replace").splitlines()[-3:]
    return f"{' | '.join(lines)} ({home / 'server.log'})"


def _dsn(password: str, port: int, database: str) -> str:
    return f"postgresql://{USER}:{password}@127.0.0.1:{port}/{database}"
