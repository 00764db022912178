"""A PostgreSQL without free connections: every caller distinguishes it from one that is down; and our own share of it."""

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg2
import pytest

from callwatch.checks.database import check
from callwatch.checks.record import check_samples
from callwatch.checks.status_machine import advance_state
from callwatch.db import connection, fetch_all, migrate, product_connection, read_pool_statistics, reset_pool
from callwatch.db.core.connect import is_saturated, open_connection
from callwatch.exceptions import DatabaseSaturated, DatabaseUnavailable
from callwatch.models.check import CheckResult
from callwatch.pipeline.db_reachability import measure_product_database
from callwatch.reports.status import build_status
from callwatch.settings import get_settings, reset_settings
from functions import get_health, list_alerts
from local.postgres import server as postgres
from tests.conftest import FAST
from tests.support.monitor_cycles import cycle
from tests.support.scripted_receiver import Receiver

MAX_CONNECTIONS = 12
EVENTS = Path("events")


@pytest.fixture(scope="module")
def small_server(short_folder: Path) -> Iterator[str]:
    """Yield a server with few connections, three of them reserved for superusers."""
    options = {**FAST, "max_connections": str(MAX_CONNECTIONS), "superuser_reserved_connections": "3", "max_wal_senders": "2"}
    server = postgres.start(short_folder / "small", options)
    migrate(server.dsn)
    yield server.dsn
    server.stop()


@pytest.fixture(autouse=True)
def configured(small_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("DATABASE_URL", small_server)
    reset_settings()
    reset_pool()
    yield
    reset_pool()


@contextmanager
def full(dsn: str, keeps_pool: bool = False) -> Iterator[None]:
    """Use up every connection of the server; keeps_pool: but for those that the pool of this process holds."""
    if not keeps_pool:
        reset_pool()
    with ExitStack() as stack:
        for _number in range(MAX_CONNECTIONS + 5):
            try:
                stack.enter_context(closing(psycopg2.connect(dsn)))
            except psycopg2.OperationalError:
                break
        else:
            pytest.fail("the server took more connections than it has")
        yield


def invoke(function: Any, event: str, token: bool = True) -> tuple[int, dict[str, Any]]:
    given = json.loads((EVENTS / event).read_text())
    if not token:
        given["requestContext"].pop("authorizer", None)
    answer = function.lambda_handler(given, None)
    return answer["statusCode"], json.loads(answer["body"])


def count_sessions(dsn: str) -> int:
    with closing(psycopg2.connect(dsn)) as conn, conn.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'callwatch'")
        row = cursor.fetchone()
    return int(row[0]) if row else -1


def test_a_full_server_is_saturated(small_server: str) -> None:
    with full(small_server), pytest.raises(DatabaseSaturated, match="connection") as found:
        open_connection(small_server)
    assert is_saturated(found.value)


@pytest.mark.parametrize("kind", ["ROLE limited", "DATABASE limited"])
def test_a_limit_of_a_role_or_database_is_saturated(small_server: str, kind: str) -> None:
    with closing(psycopg2.connect(small_server)) as conn:
        conn.autocommit = True
        with conn.cursor() as cursor:
            cursor.execute("CREATE ROLE limited LOGIN PASSWORD 'of-a-test'")
            cursor.execute("CREATE DATABASE limited")
            cursor.execute(f"ALTER {kind} CONNECTION LIMIT 0")
            parts = urlsplit(small_server)
            try:
                with pytest.raises(DatabaseSaturated):
                    open_connection(f"postgresql://limited:of-a-test@{parts.hostname}:{parts.port}/limited")
            finally:
                cursor.execute("DROP DATABASE limited")
                cursor.execute("DROP ROLE limited")


@pytest.mark.parametrize(
    "words",
    [
        "FATAL:  sorry, too many clients already",
        "FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute",
        "FATAL:  remaining connection slots are reserved for non-replication superuser connections",
        'FATAL:  too many connections for role "callwatch"',
        "FATAL:  no more connections allowed (max_client_conn)",
        "FATAL:  MaxClientsInSessionMode: max clients reached - in Session mode max clients are limited to pool_size",
        "FATAL:  Max client connections reached",
        "FATAL:  Timed-out waiting to acquire database connection",
    ],
)
def test_the_words_of_servers_and_poolers_are_known(words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_given: Any, **_named: Any) -> Any:
        raise psycopg2.OperationalError(f'connection to server at "10.0.0.9", port 5432 failed: {words}\n')

    monkeypatch.setattr(psycopg2, "connect", refuse)
    with pytest.raises(DatabaseSaturated):
        open_connection("postgresql://u:p@10.0.0.9:5432/d")


@pytest.mark.parametrize("words", ["Connection refused", "FATAL:  the database system is starting up", "timeout expired"])
def test_a_server_that_is_down_is_not_saturated(words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_given: Any, **_named: Any) -> Any:
        raise psycopg2.OperationalError(words)

    monkeypatch.setattr(psycopg2, "connect", refuse)
    with pytest.raises(DatabaseUnavailable) as found:
        open_connection("postgresql://u:p@10.0.0.9:5432/d")
    assert not is_saturated(found.value)


def test_the_check_is_degraded_with_its_own_reason(small_server: str) -> None:
    with full(small_server):
        found = check(get_settings(), 3.0)
    assert (found.status, found.reason, found.latency_ms) == ("degraded", "saturated", None)
    assert check(get_settings(), 3.0).status == "healthy", "it recovers with the first free connection"


def test_a_pooled_connection_hides_no_full_server(small_server: str) -> None:
    with connection():
        pass
    with full(small_server, keeps_pool=True):
        found = [check(get_settings(), 3.0) for _ in range(4)]
        status = build_status(get_settings(), datetime.now(UTC), 1.0)
        _code, health = invoke(get_health, "get_health.json")
    assert {(probe.status, probe.reason) for probe in found} == {("degraded", "saturated")}
    assert all(probe.latency_ms is not None for probe in found), "it was served"
    state = None
    for probe in found:
        state = advance_state(state, probe)
    assert state is not None
    assert state["status"] == "degraded", "a server that serves us is no outage"
    assert status["services"]["database"]["status"] == "saturated"
    assert status["services"]["database"]["connections"]["total"] == MAX_CONNECTIONS
    assert (health["status"], health["services"]["database"]["reason"]) == ("degraded", "saturated")
    assert check(get_settings(), 3.0).status == "healthy"


def test_health_is_degraded_and_not_down(small_server: str) -> None:
    with full(small_server):
        for token in (True, False):
            code, answer = invoke(get_health, "get_health.json", token)
            assert (code, answer["status"]) == (200, "degraded")
            assert answer["services"]["database"]["status"] == "degraded"
            assert answer["errors"]["last_hour"] is None
            for path in ("errors.last_hour", "queue.pending"):
                assert answer["unknown"][path]["code"] == "unavailable"
                assert "no free connection" in answer["unknown"][path]["message"]
        _code, answer = invoke(get_health, "get_health.json")
        assert answer["services"]["database"]["reason"] == "saturated"


def test_status_and_lists_say_that_it_is_saturated(small_server: str) -> None:
    with full(small_server):
        found = build_status(get_settings(), datetime.now(UTC), 1.0)
        code, answer = invoke(list_alerts, "list_alerts.json")
    assert found["services"]["database"]["status"] == "saturated"
    assert "no free connection" in found["issues"][0]["message"]
    assert "no free connection" in found["unknown"]["performance.error_rate"].message
    assert (code, answer["error"]["code"]) == (503, "database_unavailable")
    assert "no free connection" in answer["error"]["message"]


def test_the_alert_says_saturated_and_its_minutes_do_too(small_server: str, webhook: Receiver) -> None:
    with full(small_server):
        report = cycle(datetime.now(UTC))
        assert report["is_database_up"] is False
    (request,) = webhook.received
    data = json.loads(request.body)["data"]
    assert data["rule_id"] == "database_health"
    assert "saturated: " in data["message"]
    cycle(datetime.now(UTC))

    with connection() as conn:
        rows = fetch_all(conn, "SELECT DISTINCT reason FROM callwatch.check_results WHERE service = 'database' AND reason <> ''")
        alerts = fetch_all(conn, "SELECT resolved_at FROM callwatch.alerts WHERE rule_id = 'database_health'")
    assert [row["reason"] for row in rows] in ([], ["saturated"]), "an outage of less than a second fills no minute"
    assert [row["resolved_at"] is not None for row in alerts] == [True]


def test_connections_in_use_are_a_figure_of_their_own(small_server: str) -> None:
    def read_ratio() -> float | None:
        result = CheckResult("database", "healthy", 1.0, None, datetime.now(UTC), check(get_settings(), 3.0).details)
        (sample,) = [sample for sample in check_samples([result]) if sample.metric == "database.connections_ratio"]
        return sample.value

    usable = MAX_CONNECTIONS - 3
    assert read_ratio() == pytest.approx(1 / usable, abs=0.001)
    with ExitStack() as stack:
        for _number in range(usable - 1):
            stack.enter_context(closing(psycopg2.connect(small_server)))
        assert read_ratio() == 1.0


def test_a_saturated_product_database_is_named_so(small_server: str) -> None:
    with full(small_server):
        (sample,) = measure_product_database()
    assert sample.value == 0.0
    assert (sample.detail or "").startswith("saturated: ")


def test_one_server_gets_one_pool(small_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = urlsplit(small_server)
    same = [
        small_server,
        small_server + "?application_name=else&connect_timeout=9",
        small_server.replace("postgresql://", "postgres://"),
        f"postgresql://{parts.username}@{parts.hostname}:{parts.port}{parts.path}?password={parts.password}",
    ]
    for dsn in same:
        monkeypatch.setenv("PRODUCT_DATABASE_URL", dsn)
        reset_settings()
        reset_pool()
        with connection():
            pass
        with product_connection() as conn:
            assert conn.readonly, "the product's side still only reads"
        with connection() as conn:
            assert not conn.readonly
        assert count_sessions(small_server) == 1
        assert read_pool_statistics()["total"] == 1


@pytest.mark.parametrize("change", ["dbname", "options"])
def test_another_database_gets_a_pool_of_its_own(small_server: str, change: str, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = urlsplit(small_server)
    other = {
        "dbname": parts._replace(path="/template1").geturl(),
        "options": small_server + "?options=-csearch_path%3Dproduct",
    }[change]
    monkeypatch.setenv("PRODUCT_DATABASE_URL", other)
    reset_settings()
    with connection():
        pass
    with product_connection():
        pass
    assert count_sessions(small_server) == 2


def test_a_flood_of_anonymous_health_keeps_connections_flat(small_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_POOL_SIZE", "2")
    reset_settings()
    codes: list[int] = []
    counts: list[int] = []

    def call() -> None:
        for _number in range(30):
            codes.append(invoke(get_health, "get_health.json", token=False)[0])

    threads = [threading.Thread(target=call) for _number in range(10)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        counts.append(count_sessions(small_server))
    counts.append(count_sessions(small_server))
    assert codes == [200] * 300
    assert max(counts) <= 2


def test_signed_in_callers_are_never_given_a_kept_answer(small_server: str) -> None:
    first, second = (invoke(get_health, "get_health.json")[1]["timestamp"] for _ in range(2))
    assert first < second
    kept = [invoke(get_health, "get_health.json", token=False)[1]["timestamp"] for _ in range(3)]
    assert len(set(kept)) == 1
    assert "uptime" not in invoke(get_health, "get_health.json", token=False)[1]


def test_signed_in_callers_share_the_pool_and_wait(small_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_POOL_SIZE", "1")
    reset_settings()
    code, answer = invoke(get_health, "get_health.json")
    assert (code, answer["services"]["database"]["status"]) == (200, "healthy"), "reads wait for each other"
    assert count_sessions(small_server) == 1
