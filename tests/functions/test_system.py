"""The system as a whole: it starts, stops, survives kills, and leaves nothing behind."""

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from callwatch.monitor.cycle import LEASE_TTL_S
from local.postgres import server as postgres
from local.system import ROOT, System, running_system, start, stop
from tests.conftest import FAST
from tests.support.scripted_receiver import Receiver, Scripted
from tools.smoke import READS


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="callwatch with space "))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made, ignore_errors=True)


def children(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


def send(system: System, text: str) -> None:
    assert system.call("POST", "/api/errors", system.ingest_key, {"message": text})[0] == 202


def total(system: System) -> int:
    return int(system.get("/api/metrics/errors")["summary"]["total_24h"])


def test_ctrl_c_ends_all_and_next_start_keeps_data(folder: Path) -> None:
    first = start(folder, cycle_s=2)
    assert stat.S_IMODE((folder / "run.json").stat().st_mode) == 0o600
    send(first, "before the stop")
    first.wait_until(lambda: total(first) == 1, what="the flush")
    family = children(first.pid)
    assert len(family) >= 3
    stop(first)
    assert alive(family) == []
    assert not (folder / "run.json").exists()
    started = time.monotonic()
    second = start(folder, cycle_s=2)
    assert time.monotonic() - started < 30, "no lock of the first run delays the second"
    try:
        assert (second.admin_token, second.ingest_key) == (first.admin_token, first.ingest_key)
        assert total(second) == 1
    finally:
        stop(second)


def test_stop_in_a_cycle_delays_no_later_monitor(folder: Path) -> None:
    with Receiver() as vendor:
        vendor.default = Scripted(delay_s=1.5)
        environ = {"DEEPGRAM_API_KEY": "a-key-of-a-test", "DEEPGRAM_API_URL": vendor.url}
        first = start(folder, cycle_s=1, environ=environ)
        first.wait_until(lambda: vendor.received, what="a cycle")
        stop(first)
        stopped_at = datetime.now(UTC).isoformat()
        second = start(folder, cycle_s=1, environ=environ)
        try:
            # A lease that the first monitor had kept would last longer.
            within_s = LEASE_TTL_S * 2 / 3

            def is_evaluated() -> bool:
                # Null until a first cycle evaluated.
                return (second.get("/api/rules")["items"][0]["last_evaluated_at"] or "") > stopped_at

            second.wait_until(is_evaluated, within_s, "a cycle")
        finally:
            stop(second)


_STOPPED_AS_IT_BEGINS_TO_WAIT = """
import contextlib, os, signal, sys, threading
from local import run

run.running = lambda *_given: contextlib.nullcontext()

def in_wait(frame, event, _arg):
    if frame.f_code.co_qualname == "Condition.wait" and event == "line":
        sys.settrace(None)
        os.kill(os.getpid(), signal.SIGINT)
    return in_wait

threading.Timer(1, os.kill, (os.getpid(), signal.SIGINT)).start()
sys.argv = ["run"]
sys.settrace(in_wait)
sys.exit(run.main())
"""


def test_a_signal_at_any_moment_stops_it() -> None:
    script = [sys.executable, "-c", _STOPPED_AS_IT_BEGINS_TO_WAIT]
    done = subprocess.run(script, cwd=ROOT, env={**os.environ, "PYTHONPATH": "shared:."}, timeout=90, check=False)
    assert done.returncode == 0


def test_killed_system_leaves_no_process_and_loses_nothing(folder: Path) -> None:
    first = start(folder, cycle_s=3600)
    first.wait_until(lambda: first.get("/api/health")["monitor"]["last_cycle_at"], what="the first cycle")
    for number in range(5):
        send(first, f"accepted {number}")
    family = children(first.pid)
    first.process.send_signal(signal.SIGKILL)
    first.process.wait(20)
    deadline = time.monotonic() + 30
    while alive(family) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert alive(family) == []
    second = start(folder, cycle_s=2)
    try:
        second.wait_until(lambda: total(second) == 5, what="what lay in the queue")
    finally:
        stop(second)


def test_second_start_on_one_folder_is_refused_in_one_line(folder: Path) -> None:
    with running_system(data_dir=folder, cycle_s=60):
        done = run({"DATA_DIR": str(folder), "PORT": "3998"})
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "in use by another" in done.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "http"),
        ("CYCLE_S", "0"),
        ("TIMEZONE", "Mars"),
        ("ALERT_WEBHOOK_SECRET", "secret"),
        ("INGEST_KEYS", "1:x"),
        ("HTTP_CHECKS", "[{}]"),
        ("DATA_DIR", __file__),
    ],
)
def test_bad_configuration_stops_the_start_with_one_line(folder: Path, name: str, value: str) -> None:
    done = run({"DATA_DIR": str(folder), name: value})
    assert done.returncode == 2
    assert done.stderr.startswith(f"configuration: {name} must be")
    assert done.stderr.count("\n") == 1


def test_secrets_that_are_damaged_and_blank_variables_do_no_harm(folder: Path) -> None:
    (folder / "secrets.json").write_text("")
    done = run({"DATA_DIR": str(folder)})
    assert (done.returncode, done.stderr.count("\n"), "secrets.json is damaged" in done.stderr) == (2, 1, True)
    (folder / "secrets.json").unlink()
    with running_system(data_dir=folder, cycle_s=60, environ={"ADMIN_SECRET": "  ", "INGEST_KEYS": " "}) as found:
        assert (len(found.admin_token), len(found.ingest_key)) == (44, 32)


@pytest.mark.parametrize("name", ["secrets.json", "postgres.password", "queue.sqlite3", "queue.port", "lock", "run.json"])
def test_folder_in_the_place_of_a_file_is_one_line(folder: Path, name: str) -> None:
    (folder / name).mkdir()
    done = run({"DATA_DIR": str(folder)})
    remedy = f"{folder / name} is a folder where a file belongs: move it away, and start again"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"cannot start: {remedy}\n")


def test_start_mends_damaged_files_and_names_them(folder: Path) -> None:
    first = start(folder, cycle_s=3600)
    first.wait_until(lambda: first.get("/api/health")["monitor"]["last_cycle_at"], what="the first cycle")
    for number in range(5):
        send(first, f"accepted {number}")
    stop(first)
    for name in ("queue.port", "postgres.port", "queue.pid", "functions.pids", "queue.key", "run.json"):
        (folder / name).write_bytes(b"\0garbage\xff")
    queue = folder / "queue.sqlite3"
    pages = queue.read_bytes()
    queue.write_bytes(pages[:100] + b"\xff" * 20 + pages[120:])
    second = start(folder, cycle_s=2)
    try:
        said = second.output.read_text().replace("\n", " ")
        for name in ("queue.port", "postgres.port", "queue.pid", "functions.pids", "queue.key", "run.json", "queue.sqlite3"):
            assert f"{folder / name} was damaged" in said
        send(second, "accepted afterwards")
        second.wait_until(lambda: total(second) == 6, 60, "what was accepted before and after the damage")
        assert list(folder.glob("queue.damaged-*.sqlite3"))
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    finally:
        stop(second)


def test_a_bad_rule_of_ones_own_stops_the_start_with_its_line(folder: Path) -> None:
    file = folder / "rules.json"
    file.write_text(
        '[\n {"id": "mine", "name": "Mine", "level": "error",\n  "metric": "queue.pendin", "comparison": ">", "threshold": 1}\n]'
    )
    done = run({"DATA_DIR": str(folder / "data"), "RULES_FILE": str(file)})
    assert done.returncode == 2
    assert done.stderr.startswith("configuration: RULES_FILE, line 3: metric must be a metric")
    assert done.stderr.endswith("did you mean queue.pending?\n")


def test_a_label_value_that_cannot_occur_stops_the_start(folder: Path) -> None:
    file = folder / "rules.json"
    rule = {"id": "mine", "name": "Mine", "level": "error", "metric": "channel.broken", "comparison": ">=", "threshold": 1}
    file.write_text(json.dumps([rule | {"labels": {"channel": "slack:opps"}}]))
    own = {"SLACK_ALERT_WEBHOOK__OPS": "https://hooks.slack.com/services/x"}
    done = run({"DATA_DIR": str(folder / "data"), "RULES_FILE": str(file), **own})
    assert done.returncode == 2
    assert "labels names the channel slack:opps, which does not exist" in done.stderr
    assert "slack, slack:ops," in done.stderr


def test_a_port_in_use_is_said_so(folder: Path) -> None:
    with running_system(cycle_s=60) as other:
        port = other.url.rpartition(":")[2]
        done = run({"DATA_DIR": str(folder), "PORT": port})
    assert done.returncode == 1
    assert f"port {port} is in use" in done.stderr


def test_every_program_explains_itself() -> None:
    files = [file for folder in ("local", "tools", "simulator", "deploy") for file in (ROOT / folder).rglob("*.py")]
    programs = [file.relative_to(ROOT) for file in files if '__name__ == "__main__"' in file.read_text()]
    assert len(programs) > 10
    for program in programs:
        command = [sys.executable, "-m", ".".join(program.with_suffix("").parts), "--help"]
        done = subprocess.run(command, cwd=ROOT, env=environment({}), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "usage:" in done.stdout, program


def test_a_given_database_is_used(folder: Path) -> None:
    own = postgres.start(folder / "own", FAST)
    try:
        with running_system(data_dir=folder / "system", environ={"DATABASE_URL": own.dsn}, cycle_s=2) as system:
            assert system.database_url == own.dsn
            assert system.get("/api/health")["services"]["database"]["status"] == "healthy"
            assert not (folder / "system" / "postgres").exists()
    finally:
        own.stop()


def test_errors_sent_during_an_outage_are_kept(folder: Path) -> None:
    own = postgres.start(folder / "own", FAST)
    try:
        with running_system(data_dir=folder / "system", environ={"DATABASE_URL": own.dsn}, cycle_s=2) as system:
            send(system, "before")
            system.wait_until(lambda: total(system) == 1, what="the first flush")
            own.stop()
            status, health, _headers = system.call("GET", "/api/health")
            assert (status, health["status"], health["services"]["database"]["status"]) == (503, "unhealthy", "unhealthy")
            assert health["errors"]["last_hour"] is None
            assert "errors.last_hour" in health["unknown"]
            for number in range(20):
                send(system, f"while it is down {number}")
            shown = system.get("/api/status")
            assert (shown["status"], shown["issues"][0]["rule_id"]) == ("outage", "database_health")
            assert system.get("/api/metrics/errors")["summary"]["total_24h"] is None
            status, body, headers = system.call("GET", "/api/errors")
            assert (status, body["error"]["code"]) == (503, "database_unavailable")
            assert headers["retry-after"]
            log = system.data_dir / "logs" / "RunMonitor.log"
            system.wait_until(lambda: "[FIRING] Database health" in log.read_text(), what="the page that goes out without rows")
            own = postgres.start(folder / "own", FAST)
            system.wait_until(lambda: system.call("GET", "/api/health")[0] == 200, what="health")
            system.wait_until(lambda: total(system) == 21, 60, "all errors in PostgreSQL")
            resolved = system.wait_until(
                lambda: [a for a in system.get("/api/alerts?rule_id=database_health")["items"] if a["state"] == "resolved"],
                what="the row of the outage",
            )
            assert len(resolved) == 1
    finally:
        own.stop()


def test_smoke_passes_on_the_running_system(system: System) -> None:
    command = [sys.executable, "-m", "tools.smoke", "--url", system.url, "--token", system.viewer_token]
    done = subprocess.run(command, cwd=ROOT, env=environment({}), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert f"{len(READS) + 6} passed, 0 failed" in done.stdout
    wrong = subprocess.run([*command[:-1], "wrong"], cwd=ROOT, env=environment({}), capture_output=True, text=True, check=False)
    assert wrong.returncode == 1


def test_run_json_tells_where_everything_is(system: System) -> None:
    found = json.loads((system.data_dir / "run.json").read_text())
    assert set(found) == {"url", "admin_token", "viewer_token", "dsn", "ingest_key", "database_url", "pid"}
    assert found["dsn"] == f"http://{found['ingest_key']}@{found['url'].removeprefix('http://')}/1"


def environment(given: dict[str, str]) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "PYTHONPATH": "shared:.", "HOME": os.environ.get("HOME", "/"), **given}


def run(given: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "local.run"]
    return subprocess.run(command, cwd=ROOT, env=environment(given), capture_output=True, text=True, timeout=60, check=False)
