"""System metrics and the performance in status: every field correct, or null with a reason."""

import contextlib
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import psycopg2
import pytest
from psycopg2 import sql

from callwatch.api.http import Request
from callwatch.db import connection, reset_pool, with_transaction
from callwatch.db.core.server import HIDDEN
from callwatch.db.queries.api_logs import FinishedRequest, insert_requests
from callwatch.models.reason import NO_TRAFFIC
from callwatch.models.shapes.system import OwnFigures
from callwatch.reports.status import build_status
from callwatch.reports.system import build_system_metrics
from callwatch.settings import get_settings, reset_settings
from functions import get_metrics_prometheus
from tests.support.api_shapes import OWN as WHOLE
from tests.unit.test_prometheus import samples

OWN: OwnFigures = {
    **WHOLE,
    "invocation": {"cold_start": False, "memory_limit_mb": None, "remaining_ms": 900},
}


def metrics() -> Any:
    return build_system_metrics(datetime.now(UTC), OWN)


@contextlib.contextmanager
def sleeping_for(least_s: float, dsn: str) -> Iterator[None]:
    """Run a query of at least this age until the end of the block."""

    def sleep() -> None:
        with contextlib.suppress(psycopg2.errors.QueryCanceled):
            sleeper.cursor().execute("SELECT pg_sleep(60)")

    is_long = (
        "SELECT FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)' AND now() - query_start > make_interval(secs => %s)"
    )
    with contextlib.closing(psycopg2.connect(dsn)) as sleeper:
        thread = threading.Thread(target=sleep)
        thread.start()
        try:
            with connection() as conn, conn.cursor() as cursor:
                for _attempt in range(1000):
                    cursor.execute(is_long, (least_s,))
                    if cursor.rowcount:
                        break
                    conn.rollback()
                    time.sleep(0.02)
            yield
        finally:
            sleeper.cancel()
            thread.join()


def test_the_database_is_described_as_it_is(database: str) -> None:
    with sleeping_for(0.3, database):
        found = metrics()
    shown = found["database"]
    assert shown["longest_query_s"] >= 0.2
    assert shown["connections"]["active"] >= 2
    assert shown["connections"]["max"] > 10
    assert shown["size_mb"] > 5
    assert 0 < shown["cache_hit_percent"] <= 100
    assert shown["deadlocks"] >= 0
    assert shown["replication_lag_s"] is None
    assert found["unknown"]["database.replication_lag_s"].message == "there is no replica"
    assert set(shown["pool"]) == {"total", "active", "idle", "waiting", "utilization_percent"}
    assert found["process"] == {"uptime": 12.5, "version": "1", "platform": "python3.13 linux x86_64"}
    assert found["lambda"]["memory_limit_mb"] is None
    assert "lambda.memory_limit_mb" in found["unknown"]


def test_a_deadlock_is_counted(database: str) -> None:
    before = metrics()["database"]["deadlocks"]
    with connection() as conn, conn.cursor() as cursor:
        cursor.execute("CREATE TABLE pair (id int PRIMARY KEY); INSERT INTO pair VALUES (1), (2)")
        conn.commit()
    conns = [psycopg2.connect(database) for _ in range(2)]
    failures: list[BaseException] = []

    def lock(conn: Any, first: int) -> None:
        try:
            with conn.cursor() as cursor:
                cursor.execute("SELECT FROM pair WHERE id = %s FOR UPDATE", (first,))
                barrier.wait(30)
                cursor.execute("SELECT FROM pair WHERE id = %s FOR UPDATE", (3 - first,))
        except psycopg2.errors.DeadlockDetected as error:
            failures.append(error)
        finally:
            conn.close()

    barrier = threading.Barrier(2)
    threads = [threading.Thread(target=lock, args=(conn, n)) for n, conn in enumerate(conns, start=1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(failures) == 1
    deadline = time.monotonic() + 10
    while metrics()["database"]["deadlocks"] != before + 1:
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def narrow_role(postgres_server: str, database: str) -> Iterator[str]:
    """Create a role that can use our tables and cannot see foreign sessions."""
    name, password = f"narrow_{uuid.uuid4().hex[:8]}", uuid.uuid4().hex
    admin = psycopg2.connect(database)
    admin.autocommit = True
    with admin.cursor() as cursor:
        cursor.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(name), sql.Literal(password)))
        cursor.execute(sql.SQL("GRANT USAGE ON SCHEMA callwatch TO {}").format(sql.Identifier(name)))
        cursor.execute(sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA callwatch TO {}").format(sql.Identifier(name)))
    host = database.rpartition("@")[2]
    yield f"postgresql://{name}:{password}@{host}"
    reset_pool()
    with admin.cursor() as cursor:
        cursor.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(name)))
        cursor.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))
    admin.close()


def test_sessions_hidden_from_the_role_are_not_counted(narrow_role: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", narrow_role)
    reset_settings()
    reset_pool()
    found = metrics()
    assert found["database"]["connections"]["active"] is None
    assert found["database"]["connections"]["max"] > 10
    assert found["unknown"]["database.connections.idle"] == HIDDEN
    assert found["unknown"]["database.longest_query_s"] == HIDDEN
    shown: Any = build_status(get_settings(), datetime.now(UTC), 1.0)["services"]["database"]["connections"]
    assert shown["active"] is None
    assert shown["total"] >= 2


def test_performance_is_that_of_the_product_and_never_ours(database: str) -> None:
    now = datetime.now(UTC)

    def requests(project_id: int, took_ms: float, code: int) -> list[FinishedRequest]:
        return [FinishedRequest(uuid.uuid4().hex, project_id, now, "GET", "/x", code, took_ms) for _ in range(10)]

    names = ("avg_response_time_ms", "requests_per_minute", "error_rate", "p95_ms")
    with_transaction(lambda conn: insert_requests(conn, requests(0, 9_000, 500)))
    found = build_status(get_settings(), now, 1.0)
    assert found["performance"] == dict.fromkeys(names)
    assert {found["unknown"][f"performance.{name}"] for name in names} == {NO_TRAFFIC}
    assert metrics()["api"]["request_rate"] is None
    with_transaction(lambda conn: insert_requests(conn, requests(1, 100, 200)))
    shown: Any = build_status(get_settings(), now, 1.0)["performance"]
    assert shown["avg_response_time_ms"] == 100.0
    assert shown["error_rate"] == 0.0
    assert shown["p95_ms"] == pytest.approx(100, rel=0.02)
    assert 10 / 6 <= shown["requests_per_minute"] <= 2.0
    api = metrics()["api"]
    assert (api["p50_ms"], api["error_rate"], len(api["by_route"])) == (shown["p95_ms"], 0.0, 1)


@pytest.mark.parametrize("is_silent", [False, True], ids=["not there", "takes connections and never answers"])
def test_without_the_database_all_is_null_in_bounded_time(is_silent: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1] if is_silent else 1
        monkeypatch.setenv("DATABASE_URL", f"postgresql://u:p@127.0.0.1:{port}/x")
        reset_settings()
        started = time.monotonic()
        found = metrics()
        assert set(found["api"].values()) == {None}
        assert found["unknown"]["api.by_route"].message == "the monitor's database does not respond"
        assert set(found["database"]["connections"].values()) == {None}
        shown = build_status(get_settings(), datetime.now(UTC), 90_061.0)
        assert shown["services"]["database"]["status"] == "down"
        assert (shown["status"], shown["uptime"]) == ("outage", {"seconds": 90_061, "formatted": "1d 1h 1m"})
        assert time.monotonic() - started < 15, "each read would wait for itself"


def test_prometheus_reads_the_exposition(database: str) -> None:
    asked = Request("GET", "/api/metrics/prometheus")
    answer = get_metrics_prometheus.handle(asked)
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    found = {name for name, _labels in samples(answer.body)}
    assert {"callwatch_system_database_size_bytes", "callwatch_health_status", "callwatch_errors_total_24h"} <= found
    assert "callwatch_jobs_recording_queue_pending" not in found, "an unknown figure is absent"
    other = get_metrics_prometheus.handle(replace(asked, headers={"accept": "application/openmetrics-text; version=1.0.0"}))
    assert other.headers["content-type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert other.body.endswith("# EOF\n")
