"""A server that took our connections and fell silent: every wait for it ends, and what comes after finds the new one."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from callwatch.db import connection, fetch_one, pool_statistics, product_connection, reset_pool
from callwatch.db.watchdog import watched
from callwatch.exceptions import DatabaseUnavailable
from callwatch.http import Request
from callwatch.monitor.cycle import Cycle, run_cycle
from callwatch.reports.health import health
from callwatch.reports.status import status
from callwatch.settings import get_settings, reset_settings
from functions import get_metrics_errors
from tests.database.test_health import OWN
from tests.fakes.frozen import FreezingProxy


@pytest.fixture
def proxy(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[FreezingProxy]:
    with FreezingProxy(database) as found:
        monkeypatch.setenv("DATABASE_URL", found.dsn)
        reset_settings()
        reset_pool()
        with connection() as conn, product_connection() as other:
            assert fetch_one(conn, "SELECT 1 AS one") == fetch_one(other, "SELECT 1 AS one")
        yield found


def test_a_statement_that_is_never_answered_fails_and_its_place_is_free_again(proxy: FreezingProxy) -> None:
    proxy.freeze()
    with pytest.raises(DatabaseUnavailable), connection(statement_timeout_ms=200) as conn:
        fetch_one(conn, "SELECT 1 AS one")
    assert pool_statistics()["active"] == 0
    proxy.thaw()
    with connection() as conn:
        assert fetch_one(conn, "SELECT 2 AS two") == {"two": 2}


def test_idle_connections_of_a_server_that_fell_silent_are_not_handed_out(proxy: FreezingProxy) -> None:
    with connection(), connection(), connection():
        pass
    assert pool_statistics()["idle"] == 3
    proxy.freeze()
    with pytest.raises(DatabaseUnavailable), connection(statement_timeout_ms=100) as conn:
        fetch_one(conn, "SELECT 1 AS one")
    proxy.thaw()
    with connection() as conn:
        assert fetch_one(conn, "SELECT 2 AS two") == {"two": 2}


def test_what_was_begun_before_the_silence_is_given_up_when_it_is_given_back(proxy: FreezingProxy) -> None:
    with connection() as conn:
        fetch_one(conn, "SELECT 1 AS one")
        proxy.freeze()
    assert pool_statistics() == {"total": 0, "active": 0, "idle": 0, "waiting": 0, "utilization": 0}


def test_answers_are_given_without_the_silent_server(proxy: FreezingProxy) -> None:
    proxy.freeze()
    started = time.monotonic()
    found = health(get_settings(), datetime.now(UTC), True, OWN)
    assert (found["status"], found["services"]["database"]["reason"]) == ("unhealthy", "timeout")
    assert status(get_settings(), datetime.now(UTC), 1.0)["status"] == "outage"
    assert time.monotonic() - started < 30


def test_the_errors_metrics_do_not_wait_for_the_silent_server_longer_than_their_function_may(proxy: FreezingProxy) -> None:
    proxy.freeze()
    found: list[Any] = []
    # The function has ten seconds; it never came back by itself.
    asked = threading.Thread(target=lambda: found.append(get_metrics_errors.handle(Request("GET", "/"))), daemon=True)
    asked.start()
    asked.join(10)
    assert [answer["trends"] for answer in found] == [None]


def test_the_monitor_gets_to_its_last_step_without_the_silent_server(proxy: FreezingProxy) -> None:
    reached: list[bool] = []

    def step(cycle: Cycle) -> dict[str, Any]:
        reached.append(cycle.is_database_up)
        return {}

    proxy.freeze()
    report = run_cycle([("evaluate", step)], datetime.now(UTC), 50)
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
