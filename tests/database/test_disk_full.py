"""A database with a full disk: PostgreSQL on a small file system, and the monitor's state outside of it."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from callwatch.alerts.notifications.delivery import deliver_due
from callwatch.alerts.outage.issues import MISSED
from callwatch.checks.database import check
from callwatch.db import connection, execute, fetch_all, migrate, reset_pool
from callwatch.db.core.db_errors import explain_no_writes
from callwatch.events.event import build_error_message, finish_event
from callwatch.reports.health import build_health
from callwatch.reports.status import build_status
from callwatch.settings import get_settings, reset_settings
from local.postgres import server as postgres
from tests.conftest import FAST
from tests.support.api_shapes import OWN
from tests.support.fake_queue import FakeQueue
from tests.support.monitor_cycles import MONITOR, cycle
from tests.support.scripted_receiver import Receiver

SIZE = "160m"


@pytest.fixture(scope="module")
def small_disk() -> Iterator[Path]:
    """Mount a small file system. Only root can do so; for other users these tests are skipped."""
    folder = Path(tempfile.mkdtemp(prefix="callwatch-small-disk-"))
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=0755", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        folder.rmdir()
        pytest.skip("a small file system cannot be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def server(small_disk: Path) -> Iterator[postgres.RunningPostgres]:
    found = postgres.start(small_disk / "data", FAST)
    migrate(found.dsn)
    yield found
    found.stop()


@pytest.fixture
def fill(small_disk: Path) -> Iterator[Callable[[bool], None]]:
    """Use up all free space, also what the server has released since, or release it."""
    ballast = small_disk / "ballast"

    def switch(is_full: bool) -> None:
        if not is_full:
            ballast.unlink(missing_ok=True)
            return
        with ballast.open("ab") as file:
            file.write(b"x" * shutil.disk_usage(small_disk).free)

    yield switch
    ballast.unlink(missing_ok=True)


@pytest.fixture(autouse=True)
def configured(
    server: postgres.RunningPostgres, webhook: Receiver, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    monkeypatch.setenv("DATABASE_URL", server.dsn)
    reset_settings()
    reset_pool()
    monkeypatch.setattr("callwatch.alerts.outage.memory.FOLDER", small_disk)
    monkeypatch.setattr(MISSED, "file", small_disk / MISSED.file.name)
    MISSED.file.unlink(missing_ok=True)
    MONITOR.restart()
    MONITOR.forget()
    with connection() as conn:
        execute(conn, "TRUNCATE callwatch.rule_states, callwatch.alerts, callwatch.alert_timeline, callwatch.deliveries CASCADE")
        execute(conn, "TRUNCATE callwatch.monitor_cycles, callwatch.monitor_lease, callwatch.check_results")
        conn.commit()
    yield
    reset_pool()


@pytest.fixture
def after() -> Callable[[float], datetime]:
    """Return the time so many minutes after the test began: PostgreSQL dates the rows of a cycle by its own clock."""
    began_at = datetime.now(UTC).replace(microsecond=0)
    return lambda minutes: began_at + timedelta(minutes=minutes)


def notified(receiver: Receiver) -> list[str]:
    bodies = [json.loads(request.body) for request in receiver.received]
    return [body["type"] for body in bodies if body["data"]["rule_id"] == "database_health"]


def rows(statement: str) -> list[dict[str, Any]]:
    with connection() as conn:
        return fetch_all(conn, statement)


def test_full_disk_is_seen_without_writing_a_row(fill: Callable[[bool], None]) -> None:
    with connection() as conn:
        assert explain_no_writes(conn) is None
        fill(True)
        assert "No space left on device" in str(explain_no_writes(conn))
        assert execute(conn, "SELECT 1") == 1, "the transaction goes on"
    assert (check(get_settings(), 3).status, check(get_settings(), 3).reason) == ("unhealthy", "error")
    fill(False)
    assert check(get_settings(), 3).status == "healthy"


def test_full_disk_is_one_page_and_one_all_clear_with_rows(
    receiver: Receiver, fill: Callable[[bool], None], after: Callable[[float], datetime], monkeypatch: pytest.MonkeyPatch
) -> None:
    FakeQueue([], after(0)).stand_in(monkeypatch)
    cycle(after(0))
    for minute in range(1, 5):
        fill(True)
        cycle(after(minute))
    fill(True)
    assert notified(receiver) == ["alert.firing"], "though neither outbox nor memory file takes anything"
    assert "No space left on device" in json.loads(receiver.received[-1].body)["data"]["message"]
    settings = get_settings()
    found, shown = build_health(settings, datetime.now(UTC), OWN), build_status(settings, datetime.now(UTC), 1)
    database = found["services"]["database"]
    assert (found["status"], database["status"], database["reason"]) == ("unhealthy", "unhealthy", "error")
    assert (shown["status"], shown["services"]["database"]["status"]) == ("outage", "down")
    assert shown["issues"][0]["rule_id"] == "database_health"
    assert "does not accept writes" in shown["issues"][0]["message"]
    fill(False)
    for minute in range(5, 8):
        cycle(after(minute))
    deliver_due(after(9), 5)
    assert notified(receiver) == ["alert.firing", "alert.resolved"]
    (alert,) = rows("SELECT state, started_at, resolved_at FROM callwatch.alerts WHERE rule_id = 'database_health'")
    assert (alert["state"], alert["started_at"], alert["resolved_at"]) == ("resolved", after(1), after(5))
    assert build_health(settings, datetime.now(UTC), OWN)["services"]["database"]["status"] == "healthy"


def test_a_process_that_ends_on_a_full_disk_pages_no_second_time(
    receiver: Receiver, fill: Callable[[bool], None], after: Callable[[float], datetime], monkeypatch: pytest.MonkeyPatch
) -> None:
    FakeQueue([], after(0)).stand_in(monkeypatch)
    cycle(after(0))
    for minute in range(1, 4):
        fill(True)
        MONITOR.restart()
        cycle(after(minute))
    fill(False)
    MONITOR.restart()
    for minute in range(4, 6):
        cycle(after(minute))
    deliver_due(after(7), 5)
    assert notified(receiver) == ["alert.firing", "alert.resolved"]
    assert len({json.loads(request.body)["data"]["alert_id"] for request in receiver.received}) == 1
    (alert,) = rows("SELECT state, started_at, resolved_at FROM callwatch.alerts WHERE rule_id = 'database_health'")
    assert (alert["state"], alert["started_at"], alert["resolved_at"]) == ("resolved", after(1), after(4))


def test_full_disk_wears_out_no_accepted_message(
    fill: Callable[[bool], None], after: Callable[[float], datetime], monkeypatch: pytest.MonkeyPatch
) -> None:
    event = finish_event({"event_id": "a" * 32, "message": "kept"}, after(0))
    queue = FakeQueue([build_error_message(event, 1, after(0))], after(0))
    queue.stand_in(monkeypatch)
    cycle(after(0))
    queue = FakeQueue([build_error_message(event, 1, after(0))], after(0))
    queue.stand_in(monkeypatch)
    fill(True)
    report = cycle(after(1))
    assert "database unavailable: its disk accepts no writes" in str(report["steps"]["flush"]["error"])
    assert queue.hidden == set(), "nothing was received that could not be stored"
    fill(False)
    assert cycle(after(2))["steps"]["flush"]["received"] == 1


def test_disk_that_fills_and_empties_pages_once_a_cooldown(
    receiver: Receiver, fill: Callable[[bool], None], after: Callable[[float], datetime], monkeypatch: pytest.MonkeyPatch
) -> None:
    FakeQueue([], after(0)).stand_in(monkeypatch)
    for minute in range(6):
        fill(minute % 2 == 1)
        cycle(after(minute / 2))
    deliver_due(after(4), 5)
    assert notified(receiver) == ["alert.firing", "alert.resolved"]
