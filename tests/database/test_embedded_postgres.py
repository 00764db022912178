"""The embedded PostgreSQL: private, durable over restarts and kills, and harmless to foreign processes."""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg2
import pytest

from callwatch.db import execute, fetch_one, reset_pool, with_transaction
from callwatch.settings import reset_settings
from local import processes
from local.postgres import files as postgres_files
from local.postgres import server as postgres
from local.postgres.server import PostgresError, RunningPostgres

FAST = {"fsync": "off", "max_connections": "20"}
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def data_dir(short_folder: Path) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="data dir ", dir=short_folder))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def running(data_dir: Path) -> Iterator[RunningPostgres]:
    server = postgres.start(data_dir, FAST)
    try:
        yield server
    finally:
        server.stop()


def ask(dsn: str, sql: str) -> Any:
    with contextlib.closing(psycopg2.connect(dsn, connect_timeout=5)) as conn, conn, conn.cursor() as cursor:
        cursor.execute(sql)
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


def start_in_a_process(data_dir: Path) -> tuple[subprocess.Popen[str], int]:
    """Start a process that runs the server and waits; return it with the server's pid."""
    script = (
        "import sys; from pathlib import Path; from local.postgres import server as postgres;"
        f"server = postgres.start(Path(sys.argv[1]), {FAST!r}); print(server.pid, flush=True); sys.stdin.read()"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", script, str(data_dir)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert owner.stdout is not None
    return owner, int(owner.stdout.readline())


def is_gone(pid: int) -> bool:
    return processes.wait_until(lambda: not psutil.pid_exists(pid), 10)


def test_restart_keeps_data_port_and_password(data_dir: Path) -> None:
    with running(data_dir) as server:
        ask(server.dsn, "CREATE TABLE kept AS SELECT 42 AS answer")
        dsn = server.dsn
    with running(data_dir) as server:
        assert server.dsn == dsn
        assert ask(server.dsn, "SELECT answer FROM kept") == 42


def test_nobody_gets_in_without_the_password_nor_from_elsewhere(data_dir: Path) -> None:
    with running(data_dir) as server:
        address = server.dsn.rpartition("@")[2]
        with pytest.raises(psycopg2.OperationalError, match="password"):
            psycopg2.connect(f"postgresql://callwatch:guess@{address}")
        with pytest.raises(psycopg2.OperationalError, match="password"):
            psycopg2.connect(f"postgresql://callwatch@{address}", passfile="/dev/null")
        assert ask(server.dsn, "SELECT rolpassword FROM pg_authid WHERE rolname = 'callwatch'").startswith("SCRAM")
        listening = {(c.laddr.ip, c.laddr.port) for c in psutil.Process(server.pid).net_connections("inet")}
        assert listening == {("127.0.0.1", server.port)}
        assert ask(server.dsn, "SHOW unix_socket_directories") == ""
    assert stat.S_IMODE((data_dir / "postgres.password").stat().st_mode) == 0o600
    assert stat.S_IMODE((server.home / "cluster").stat().st_mode) == 0o700


def test_a_statement_that_fails_leaves_its_data_out_of_the_log(data_dir: Path) -> None:
    with running(data_dir) as server, pytest.raises(psycopg2.errors.UndefinedTable):
        ask(server.dsn, "INSERT INTO missing VALUES ('my-secret')")
    log = (server.home / "server.log").read_text()
    assert "missing" in log
    assert "my-secret" not in log


def test_it_stops_at_once_though_somebody_is_connected(data_dir: Path) -> None:
    with running(data_dir) as server:
        conn = psycopg2.connect(server.dsn)
        server.stop()
        assert not psutil.pid_exists(server.pid)
        conn.close()


def test_it_ends_with_its_owner_on_a_normal_exit(data_dir: Path) -> None:
    owner, pid = start_in_a_process(data_dir)
    owner.communicate(timeout=20)
    assert not psutil.pid_exists(pid)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_server_ends_with_a_killed_owner_and_starts_again(data_dir: Path, how: signal.Signals) -> None:
    owner, pid = start_in_a_process(data_dir)
    dsn = f"postgresql://callwatch:{(data_dir / 'postgres.password').read_text()}@127.0.0.1:"
    dsn += f"{(data_dir / 'postgres.port').read_text()}/callwatch"
    ask(dsn, "CREATE TABLE kept AS SELECT 42 AS answer")
    owner.send_signal(how)
    owner.wait(10)
    assert is_gone(pid)
    with running(data_dir) as server:
        assert ask(server.dsn, "SELECT answer FROM kept") == 42
    owner.communicate()


def test_what_was_committed_survives_a_kill_of_the_server_itself(data_dir: Path) -> None:
    server = postgres.start(data_dir, FAST)
    ask(server.dsn, "CREATE TABLE kept AS SELECT 42 AS answer")
    server.process.kill()
    server.process.wait(10)
    server.stop()
    with running(data_dir) as server:
        assert ask(server.dsn, "SELECT answer FROM kept") == 42


def test_a_transaction_outlasts_a_restart_of_the_server(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(data_dir) as server:
        monkeypatch.setenv("DATABASE_URL", server.dsn)
        reset_settings()
        with_transaction(lambda conn: execute(conn, "CREATE TABLE kept AS SELECT 42 AS answer"))
    outcome: list[object] = []
    thread = threading.Thread(
        target=lambda: outcome.append(with_transaction(lambda conn: fetch_one(conn, "SELECT answer FROM kept"))),
    )
    thread.start()
    with running(data_dir):
        thread.join(20)
        assert outcome == [{"answer": 42}]
        reset_pool()


def test_a_leftover_of_a_killed_run_is_ended_by_the_next_start(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # As on a system whose kernel does not end the server with its owner.
    monkeypatch.setattr(processes, "die_with_parent", lambda *_signal: None)
    leftover = postgres.start(data_dir, FAST)
    ask(leftover.dsn, "CREATE TABLE kept AS SELECT 42 AS answer")
    leftover.lock.close()
    with running(data_dir) as server:
        assert leftover.process.wait(10) is not None
        assert server.pid != leftover.pid
        assert ask(server.dsn, "SELECT answer FROM kept") == 42
    leftover.stop()


def test_second_run_on_one_folder_is_refused(data_dir: Path) -> None:
    with running(data_dir) as server:
        with pytest.raises(PostgresError, match="in use by another run"):
            postgres.start(data_dir, FAST)
        assert ask(server.dsn, "SELECT 1") == 1


def test_a_stranger_that_has_the_pid_of_an_old_run_is_left_alone(data_dir: Path) -> None:
    with running(data_dir) as server:
        home = server.home
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        (home / "cluster" / "postmaster.pid").write_text(f"{stranger.pid}\n{home}/cluster\n1\n5432\n\n127.0.0.1\n")
        with running(data_dir) as server:
            assert ask(server.dsn, "SELECT 1") == 1
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_foreign_postgres_with_a_stale_pid_is_left_alone(data_dir: Path, short_folder: Path) -> None:
    other_dir = short_folder / "other"
    with running(data_dir) as server:
        home = server.home
    with running(other_dir) as other:
        (home / "cluster" / "postmaster.pid").write_text(f"{other.pid}\n{home}/cluster\n1\n5432\n\n127.0.0.1\n")
        with running(data_dir) as server:
            assert ask(server.dsn, "SELECT 1") == 1
        assert ask(other.dsn, "SELECT 1") == 1


def test_a_port_that_somebody_took_meanwhile_is_given_up(data_dir: Path) -> None:
    with running(data_dir) as server:
        port = server.port
    with socket.socket() as taken:
        # Recent connections are still in TIME_WAIT on this port.
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port))
        taken.listen()
        with running(data_dir) as server:
            assert server.port != port
            assert ask(server.dsn, "SELECT 1") == 1


def test_a_cluster_of_another_major_version_is_one_clear_line(data_dir: Path) -> None:
    with running(data_dir) as server:
        home = server.home
    (home / "cluster" / "PG_VERSION").write_text("13\n")
    with pytest.raises(PostgresError, match=r"made by PostgreSQL 13, the binaries are \d+: choose") as caught:
        postgres.start(data_dir, FAST)
    assert "\n" not in str(caught.value)


def test_a_set_up_that_was_killed_half_way_is_begun_anew(data_dir: Path) -> None:
    unfinished = data_dir / "postgres" / "cluster.new"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18\n")
    with running(data_dir) as server:
        assert ask(server.dsn, "SELECT 1") == 1


def test_a_lost_password_is_one_clear_line(data_dir: Path) -> None:
    with running(data_dir):
        pass
    (data_dir / "postgres.password").write_text("another")
    with pytest.raises(PostgresError, match=r"password kept for .* is not its own"):
        postgres.start(data_dir, FAST)
    (data_dir / "postgres.password").unlink()
    with pytest.raises(PostgresError, match=r"postgres\.password is missing"):
        postgres.start(data_dir, FAST)


def test_folder_closed_to_all_others_serves(data_dir: Path) -> None:
    """As root the server runs as `nobody`, who cannot enter the folder; as another user this is the normal case."""
    private = data_dir / "private"
    private.mkdir(mode=0o700)
    mine = private / "data"
    mine.mkdir(mode=0o700)
    with running(mine) as server:
        ask(server.dsn, "CREATE TABLE kept AS SELECT 42 AS answer")
        ask(server.dsn, "SELECT pg_reload_conf()")
    with running(mine) as server:
        assert ask(server.dsn, "SELECT answer FROM kept") == 42
        if postgres_files._CAN_PASS_FOLDERS or os.geteuid() != 0:
            assert server.home == mine / "postgres"
    for folder in (private, mine):
        assert (stat.S_IMODE(folder.stat().st_mode), folder.stat().st_uid) == (0o700, os.geteuid())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as another user")
def test_without_descriptors_the_cluster_lies_elsewhere(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = data_dir / "elsewhere"
    monkeypatch.setattr(postgres_files, "ELSEWHERE", elsewhere)
    monkeypatch.setattr(postgres_files, "_CAN_PASS_FOLDERS", False)
    mine = data_dir / "private" / "data"
    mine.parent.mkdir(mode=0o700)
    with running(mine) as server:
        ask(server.dsn, "CREATE TABLE kept AS SELECT 42 AS answer")
        assert server.home.parent == elsewhere
        assert server.home.stat().st_uid == pwd.getpwnam("nobody").pw_uid
    with running(mine) as server:
        assert ask(server.dsn, "SELECT answer FROM kept") == 42
    shutil.rmtree(mine)
    with running(mine) as server, pytest.raises(psycopg2.errors.UndefinedTable):
        # The folder and its content were removed: a new one begins empty.
        ask(server.dsn, "SELECT answer FROM kept")


@pytest.mark.parametrize("mode", [0o755, 0o700])
def test_binaries_out_of_reach_are_copied(data_dir: Path, monkeypatch: pytest.MonkeyPatch, mode: int) -> None:
    elsewhere = data_dir / "elsewhere"
    monkeypatch.setattr(postgres_files, "ELSEWHERE", elsewhere)
    can_enter = postgres_files._can_others_enter
    monkeypatch.setattr(postgres_files, "_can_others_enter", lambda folder: "pgserver" not in str(folder) and can_enter(folder))
    mine = data_dir / "mine"
    mine.mkdir()
    mine.chmod(mode)
    with running(mine) as server:
        assert ask(server.dsn, "SELECT 1") == 1
        executable = Path(psutil.Process(server.pid).exe())
    if os.geteuid() == 0:
        assert executable.is_relative_to(server.home if mode == 0o755 else elsewhere)


def test_dead_server_is_started_again_at_its_address(data_dir: Path) -> None:
    with running(data_dir) as server:
        ask(server.dsn, "CREATE TABLE kept AS SELECT 42 AS answer")
        server.process.kill()
        server.process.wait(10)
        server.restart()
        assert ask(server.dsn, "SELECT answer FROM kept") == 42


def test_a_server_is_checked_for_its_version_and_its_presence(postgres_server: str) -> None:
    postgres.check_server(postgres_server)
    with pytest.raises(PostgresError, match=r"^DATABASE_URL: the server cannot be reached \(.*refused.*\)$"):
        postgres.check_server("postgresql://callwatch:x@127.0.0.1:1/none")
    with pytest.raises(PostgresError, match=r"^DATABASE_URL must be a URL") as caught:
        postgres.check_server("postgresql://callwatch:sec ret@[::1/none")
    assert "ret@" not in str(caught.value)


def test_a_server_that_is_too_old_is_refused_in_one_line(postgres_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "OLDEST_MAJOR", 99)
    with pytest.raises(PostgresError, match=r"^DATABASE_URL: PostgreSQL 99 or later is needed, the server is \d+$"):
        postgres.check_server(postgres_server)


def test_a_folder_that_cannot_be_made_is_one_clear_line(data_dir: Path) -> None:
    (data_dir / "file").touch()
    with pytest.raises(PostgresError, match=r"^PostgreSQL cannot be set up: .*file") as caught:
        postgres.start(data_dir / "file" / "data")
    assert "\n" not in str(caught.value)
