"""Locked tables in a database that otherwise works: the cycle still evaluates and notifies."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg2
import pytest
from psycopg2.errors import LockNotAvailable, QueryCanceled

from callwatch.api.http import Request
from callwatch.db import connection, fetch_one, reset_pool, statements_within
from callwatch.db.connections import lend
from callwatch.db.core.db_errors import is_failing
from callwatch.digest import flush
from callwatch.events.event import build_error_message, finish_event
from callwatch.exceptions import DatabaseUnavailable
from callwatch.models.reason import DATABASE_TIMEOUT
from callwatch.models.sample import Sample
from callwatch.reports.history import build_history
from callwatch.reports.ranges import take_named
from callwatch.reports.system import build_system_metrics
from callwatch.runtime.responses import find_refusal, find_status
from callwatch.settings import reset_settings
from functions import get_metrics_errors, get_metrics_prometheus, list_silences
from simulator import product
from tests.database.test_system_metrics import OWN
from tests.support import monitor_cycles
from tests.support.database_faults import locked
from tests.support.fake_queue import FakeQueue
from tests.support.freezing_proxy import FreezingProxy
from tests.support.monitor_cycles import MONITOR, states

START = datetime.now(UTC)
ERRORS = ("high_error_rate", "error_spike")


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten waits that would slow the test down."""
    monkeypatch.setattr("callwatch.monitor.cycle._STEP_STATEMENT_S", 0.4)
    monkeypatch.setattr("callwatch.db.core.retry.GIVE_UP_AFTER_S", 0.0)
    monkeypatch.setattr(flush, "_LOCK_WAIT_MS", 200)


def accepted(number: int) -> str:
    return build_error_message(finish_event({"message": f"boom {number}"}, START), 1, START)


class SilencingRows:
    """Rows for COPY; the server falls silent while it receives them."""

    def __init__(self, proxy: FreezingProxy) -> None:
        self.proxy = proxy
        self.left = 10

    def read(self, _size: int) -> bytes:
        self.proxy.freeze()
        self.left -= 1
        return b"1\n" if self.left else b""


def through(proxy: FreezingProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", proxy.dsn)
    reset_settings()
    reset_pool()


def cycle(minutes: float) -> dict[str, Any]:
    return dict(monitor_cycles.cycle(START + timedelta(minutes=minutes))["steps"])


def read_states(alert_key: str) -> str:
    with connection() as conn:
        row = fetch_one(conn, "SELECT state FROM callwatch.rule_states WHERE alert_key = %s", (alert_key,))
    return str(row and row["state"])


def stored() -> int:
    with connection() as conn:
        return int((fetch_one(conn, "SELECT count(*) AS stored FROM callwatch.error_logs") or {})["stored"])


def test_locked_error_table_is_reported_and_never_all_well(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeQueue([accepted(number) for number in range(10)], START - timedelta(minutes=9))
    fake.stand_in(monkeypatch)
    with locked(database, "error_logs"):
        first = cycle(0)
        assert (first["flush"]["error"], first["evaluate"]["error"], first["notify"]["error"]) == ("QueryCanceled", None, None)
        assert {states()[rule_id] for rule_id in ERRORS} == {"unknown"}
        assert states()["ingest_backlog"] == "ok"
        # They are not received again while the lock is held: that would use up their receive count.
        fake.hidden.clear()
        assert cycle(2)["flush"]["error"] == "LockNotAvailable"
        assert fake.hidden == set()
        assert states()["ingest_backlog"] == "firing"
        assert {states()[rule_id] for rule_id in ERRORS} == {"unknown"}
    # Others may be stored meanwhile, which says nothing about these.
    other = FakeQueue([accepted(100)], START)
    other.stand_in(monkeypatch)
    cycle(2.5)
    assert (stored(), {states()[rule_id] for rule_id in ERRORS}) == (1, {"unknown"})
    fake.stand_in(monkeypatch)
    fake.hidden.clear()
    cycle(3)
    assert stored() == 11
    # An unobserved spike leaves no state behind.
    assert [states().get(rule_id) for rule_id in ERRORS] == ["ok", None]
    cycle(40)
    assert states()["ingest_backlog"] == "ok"


@contextmanager
def slow_rows(dsn: str, each_s: float) -> Iterator[None]:
    """Slow down each row of errors during the block, as a throttled disk does."""
    with closing(psycopg2.connect(dsn)) as conn, conn.cursor() as cursor:
        conn.autocommit = True
        cursor.execute(
            f"""CREATE FUNCTION callwatch.slow() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN PERFORM pg_sleep({each_s}); RETURN NEW; END $$;
                CREATE TRIGGER slow BEFORE INSERT ON callwatch.error_logs FOR EACH ROW EXECUTE FUNCTION callwatch.slow()"""
        )
        try:
            yield
        finally:
            cursor.execute("DROP FUNCTION callwatch.slow CASCADE")


def test_slow_database_gets_the_batch_in_smaller_ones(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flush, "BATCH", 100)
    fake = FakeQueue([accepted(number) for number in range(150)], START)
    fake.stand_in(monkeypatch)
    with slow_rows(database, 0.02):
        assert cycle(0)["flush"]["error"] == "QueryCanceled"
        assert stored() == 0
        # Messages that were received in advance are known to wait, too.
        assert len(getattr(MONITOR.state.unstored.find(START), "message_ids", ())) == 150
        fake.hidden.clear()
        assert cycle(2)["flush"]["error"] is None
    assert stored() == 150
    assert MONITOR.state.unstored.find(START + timedelta(minutes=2)) is None


def test_what_is_stored_fires_a_rule_though_more_waits(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    early = [build_error_message(finish_event({"message": f"m {n}", "severity": "critical"}, START), 1, START) for n in range(30)]
    FakeQueue(early, START).stand_in(monkeypatch)
    flush.flush(START, 5, MONITOR.state.unstored)
    FakeQueue([accepted(1)], START).stand_in(monkeypatch)
    with locked(database, "error_logs"):
        cycle(0)
    assert states()["high_error_rate"] == "firing"


def test_group_alert_keeps_firing_when_less_is_stored(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def find_spike(times: float) -> None:
        samples = [Sample("errors.spike", times, labels={"group": "1"})]
        monkeypatch.setattr("callwatch.monitor.measure_step.read_error_samples", lambda _conn, _now, _firing: samples)

    find_spike(9.0)
    FakeQueue([], START).stand_in(monkeypatch)
    cycle(0)
    assert states()["error_spike"] == "firing"
    find_spike(2.0)
    FakeQueue([accepted(1)], START).stand_in(monkeypatch)
    with locked(database, "error_logs"):
        for minute in range(1, 9):
            cycle(minute)
            assert read_states("error_spike|group=1") == "firing"
    FakeQueue([], START).stand_in(monkeypatch)
    for minute in (50, 60):
        cycle(minute)
    assert read_states("error_spike|group=1") == "ok"


def test_unrelated_locked_table_stops_no_step(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    FakeQueue([accepted(number) for number in range(3)], START).stand_in(monkeypatch)
    with locked(database, "check_results"):
        steps = cycle(0)
    assert {name: step["error"] for name, step in steps.items() if step["error"]} == {
        "prepare": "QueryCanceled",
        "check": "QueryCanceled",
        "measure": "QueryCanceled",
    }
    assert stored() == 3
    assert states()["high_error_rate"] == "ok"


def copy_while_silencing(proxy: FreezingProxy) -> None:
    with statements_within(lambda: 0.3), connection() as conn, conn.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE taken (n int)")
        cursor.copy_expert("COPY taken FROM STDIN", SilencingRows(proxy))


def commit_in_silence(proxy: FreezingProxy) -> None:
    with statements_within(lambda: 0.3), connection() as conn:
        fetch_one(conn, "SELECT 1 AS one")
        proxy.freeze()
        conn.commit()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten every statement limit."""
    monkeypatch.setattr(lend, "_bound", lambda conn, _ms, bound=lend._bound: bound(conn, 200))


@pytest.fixture
def role_that_waits_little(database: str) -> None:
    """Set a short lock timeout for our role, as the database owner might."""
    with closing(psycopg2.connect(database)) as conn, conn.cursor() as cursor:
        cursor.execute(f"ALTER DATABASE {conn.info.dbname} SET lock_timeout = '100ms'")
        conn.commit()
    reset_pool()


@pytest.mark.usefixtures("role_that_waits_little")
def test_lock_timeout_is_reported_like_a_statement_timeout(database: str) -> None:
    with locked(database, "error_counts_hourly"):
        assert get_metrics_errors.handle(Request("GET", "/"))["unknown"]["trends"] == DATABASE_TIMEOUT
    with locked(database, "silences"), pytest.raises(LockNotAvailable) as failure:
        list_silences.handle(Request("GET", "/"))
    answer = find_refusal(failure.value)
    assert answer is not None
    assert (find_status(answer), answer.message) == (503, DATABASE_TIMEOUT.message)
    assert is_failing(failure.value), "and the evaluation pages for it"


@pytest.mark.usefixtures("impatient")
def test_metrics_of_locked_tables_are_null_with_a_reason(database: str) -> None:
    ask = Request("GET", "/")
    with locked(database, "error_counts_hourly"):
        errors = get_metrics_errors.handle(ask)
        text = str(get_metrics_prometheus.handle(ask).body)
    assert (errors["summary"]["total_24h"], errors["trends"]) == (None, None)
    assert errors["unknown"]["summary.total_24h"] == errors["unknown"]["trends"] == DATABASE_TIMEOUT
    assert "callwatch_system_database_size_bytes " in text
    assert "callwatch_errors_total_24h" not in text
    with locked(database, "request_histograms"):
        system = build_system_metrics(START, OWN)
    assert (system["database"]["size_mb"] or 0) > 1
    assert (system["api"]["p95_ms"], system["unknown"]["api.p95_ms"]) == (None, DATABASE_TIMEOUT)
    with locked(database, "error_counts_by_minute"):
        shown = build_history(START, "errors", take_named(START, "1h"))
    assert (shown["series"], shown["unknown"]["series"]) == (None, DATABASE_TIMEOUT)


@pytest.mark.usefixtures("impatient")
def test_a_list_that_is_locked_is_503_and_says_so(database: str) -> None:
    with locked(database, "silences"), pytest.raises(QueryCanceled) as failure:
        list_silences.handle(Request("GET", "/"))
    answer = find_refusal(failure.value)
    assert answer is not None
    assert (find_status(answer), answer.code, answer.message) == (503, "database_unavailable", DATABASE_TIMEOUT.message)


@pytest.mark.parametrize("work", [copy_while_silencing, commit_in_silence])
def test_server_silent_during_copy_or_commit_is_abandoned(
    database: str, monkeypatch: pytest.MonkeyPatch, work: Callable[[FreezingProxy], None]
) -> None:
    with FreezingProxy(database) as proxy:
        through(proxy, monkeypatch)
        with pytest.raises(DatabaseUnavailable):
            work(proxy)


def test_prometheus_answers_while_each_table_is_locked(database: str) -> None:
    with closing(psycopg2.connect(database)) as conn, conn.cursor() as cursor:
        product.create_tables(conn)
        conn.commit()
        cursor.execute("LOCK TABLE " + ", ".join(product.TABLES) + " IN ACCESS EXCLUSIVE MODE")
        began = time.monotonic()
        with open("events/get_health.json") as file:
            event = json.load(file)
        event["requestContext"]["authorizer"] = {"lambda": {"role": "viewer", "actor": "ana"}}
        answer = get_metrics_prometheus.lambda_handler({**event, "routeKey": "GET /api/metrics/prometheus"}, None)
        took_s = time.monotonic() - began
    assert answer["statusCode"] == 200
    assert "callwatch_pipeline_stage_pending" not in answer["body"]
    assert took_s < 9, "a function has ten seconds"
