"""A server that accepted our connections and fell silent: every wait ends, and later work finds the new server."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from callwatch.api.http import Request
from callwatch.db import connection, fetch_one, product_connection, read_pool_statistics, reset_pool
from callwatch.db.connections.watchdog import watched
from callwatch.exceptions import DatabaseUnavailable
from callwatch.monitor.cycle import Cycle, run_cycle
from callwatch.monitor.state import MonitorState
from callwatch.reports.health import build_health
from callwatch.reports.status import build_status
from callwatch.settings import get_settings, reset_settings
from functions import get_metrics_errors
from tests.support.api_shapes import OWN
from tests.support.freezing_proxy import FreezingProxy


@pytest.fixture
def proxy(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[FreezingProxy]:
    with FreezingProxy(database) as found:
        monkeypatch.setenv("DATABASE_URL", found.dsn)
        reset_settings()
        reset_pool()
        with connection() as conn, product_connection() as other:
            assert fetch_one(conn, "SELECT 1 AS one") == fetch_one(other, "SELECT 1 AS one")
        yield found


def test_unanswered_statement_fails_and_frees_its_place(proxy: FreezingProxy) -> None:
    proxy.freeze()
    with pytest.raises(DatabaseUnavailable), connection(statement_timeout_ms=200) as conn:
        fetch_one(conn, "SELECT 1 AS one")
    assert read_pool_statistics()["active"] == 0
    proxy.thaw()
    with connection() as conn:
        assert fetch_one(conn, "SELECT 2 AS two") == {"two": 2}


def test_idle_connections_to_a_silent_server_are_not_lent(proxy: FreezingProxy) -> None:
    with connection(), connection(), connection():
        pass
    assert read_pool_statistics()["idle"] == 3
    proxy.freeze()
    with pytest.raises(DatabaseUnavailable), connection(statement_timeout_ms=100) as conn:
        fetch_one(conn, "SELECT 1 AS one")
    proxy.thaw()
    with connection() as conn:
        assert fetch_one(conn, "SELECT 2 AS two") == {"two": 2}


def test_work_begun_before_the_silence_is_abandoned(proxy: FreezingProxy) -> None:
    with connection() as conn:
        fetch_one(conn, "SELECT 1 AS one")
        proxy.freeze()
    assert conn.closed
    assert read_pool_statistics()["active"] == 0


def test_answers_are_given_without_the_silent_server(proxy: FreezingProxy) -> None:
    proxy.freeze()
    started = time.monotonic()
    found = build_health(get_settings(), datetime.now(UTC), OWN)
    assert (found["status"], found["services"]["database"]["reason"]) == ("unhealthy", "timeout")
    assert build_status(get_settings(), datetime.now(UTC), 1.0)["status"] == "outage"
    assert time.monotonic() - started < 30


def test_error_metrics_wait_less_than_their_function_timeout(proxy: FreezingProxy) -> None:
    proxy.freeze()
    found: list[Any] = []
    # The function's timeout is ten seconds; without the limit the call never returned.
    asked = threading.Thread(target=lambda: found.append(get_metrics_errors.handle(Request("GET", "/"))), daemon=True)
    asked.start()
    asked.join(10)
    assert [answer["trends"] for answer in found] == [None]


def test_monitor_finishes_without_the_silent_server(proxy: FreezingProxy) -> None:
    reached: list[bool] = []

    def step(cycle: Cycle) -> dict[str, Any]:
        reached.append(cycle.is_database_up)
        return {}

    proxy.freeze()
    report = run_cycle([("evaluate", step)], MonitorState(), datetime.now(UTC), 50)
    assert reached == [False]
    assert report["is_database_up"] is False


def test_a_statement_within_its_time_is_left_alone(database: str) -> None:
    with connection() as conn:
        with watched(conn, 0.2):
            fetch_one(conn, "SELECT 1 AS one")
        time.sleep(0.3)
        assert fetch_one(conn, "SELECT 2 AS two") == {"two": 2}


def test_waits_of_many_threads_end_each_at_its_own_time(proxy: FreezingProxy) -> None:
    outcomes: list[bool] = []

    def ask(statement: str, limit_ms: int) -> None:
        try:
            with connection(statement_timeout_ms=limit_ms) as conn:
                fetch_one(conn, statement)
            outcomes.append(True)
        except DatabaseUnavailable:
            outcomes.append(False)

    threads = [threading.Thread(target=ask, args=("SELECT pg_sleep(0.3)", 5_000 + n)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes == [True] * 4
