"""Tables that somebody keeps locked, in a database that else answers: the cycle judges and tells all the same."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg2
import pytest
from psycopg2.errors import LockNotAvailable, QueryCanceled

from callwatch.db import connection, fetch_one, pool, reset_pool, statements_within
from callwatch.db.failing import is_failing
from callwatch.exceptions import DatabaseUnavailable
from callwatch.http import Request
from callwatch.models.facts import Fact
from callwatch.reports.history import history
from callwatch.reports.system import system_metrics
from callwatch.runtime.answer import as_http_error
from callwatch.settings import reset_settings
from callwatch.tracker import flush
from callwatch.tracker.event import error_message, finish_event
from functions import get_metrics_errors, get_metrics_prometheus, list_silences
from tests.database.test_system_metrics import OWN
from tests.fakes import cycles
from tests.fakes.cycles import states
from tests.fakes.faults import locked
from tests.fakes.frozen import FreezingProxy
from tests.fakes.queue import FakeQueue

TOO_LATE = "the monitor's tables could not be read in time"
START = datetime.now(UTC)
ERRORS = ("high_error_rate", "error_spike")


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits that would take the test's time are short."""
    monkeypatch.setattr("callwatch.monitor.cycle._STEP_STATEMENT_S", 0.4)
    monkeypatch.setattr("callwatch.db.retry.GIVE_UP_AFTER_S", 0.0)
    monkeypatch.setattr(flush, "_unstored", None)
    monkeypatch.setattr(flush, "_LOCK_WAIT_MS", 200)


def accepted(number: int) -> str:
    return error_message(finish_event({"message": f"boom {number}"}, START), 1, START)


class SilencingRows:
    """Rows for COPY; the server falls silent while it takes them."""

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
    return dict(cycles.cycle(START + timedelta(minutes=minutes))["steps"])


def states_of(alert_key: str) -> str:
    with connection() as conn:
        row = fetch_one(conn, "SELECT state FROM callwatch.rule_states WHERE alert_key = %s", (alert_key,))
    return str(row and row["state"])


def stored() -> int:
    with connection() as conn:
        return int((fetch_one(conn, "SELECT count(*) AS stored FROM callwatch.error_logs") or {})["stored"])


def test_a_locked_table_of_errors_is_told_and_no_rule_on_errors_says_that_all_is_well(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = FakeQueue([accepted(number) for number in range(10)], START - timedelta(minutes=9))
    fake.stand_in(monkeypatch)
    with locked(database, "error_logs"):
        first = cycle(0)
        assert (first["flush"]["error"], first["evaluate"]["error"], first["notify"]["error"]) == ("QueryCanceled", None, None)
        assert {states()[rule_id] for rule_id in ERRORS} == {"unknown"}
        assert states()["ingest_backlog"] == "ok"
        # They are not received again while the lock is held: that would wear them out.
        fake.hidden.clear()
        assert cycle(2)["flush"]["error"] == "LockNotAvailable"
        assert fake.hidden == set()
        assert states()["ingest_backlog"] == "firing"
        assert {states()[rule_id] for rule_id in ERRORS} == {"unknown"}
    # Others may be stored meanwhile: that says nothing of those.
    other = FakeQueue([accepted(100)], START)
    other.stand_in(monkeypatch)
    cycle(2.5)
    assert (stored(), {states()[rule_id] for rule_id in ERRORS}) == (1, {"unknown"})
    fake.stand_in(monkeypatch)
    fake.hidden.clear()
    cycle(3)
    assert stored() == 11
    # A spike that nobody has seen leaves no state behind.
    assert [states().get(rule_id) for rule_id in ERRORS] == ["ok", None]
    cycle(40)
    assert states()["ingest_backlog"] == "ok"


@contextmanager
def slow_rows(dsn: str, each_s: float) -> Iterator[None]:
    """Each row of errors takes its time for the block, as on a disk that is throttled."""
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


def test_a_batch_that_a_slow_database_does_not_take_in_time_is_stored_in_smaller_ones(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flush, "BATCH", 100)
    fake = FakeQueue([accepted(number) for number in range(150)], START)
    fake.stand_in(monkeypatch)
    with slow_rows(database, 0.02):
        assert cycle(0)["flush"]["error"] == "QueryCanceled"
        assert stored() == 0
        # Of those that were received ahead it is known that they wait, too.
        assert len(getattr(flush.unstored(START), "message_ids", ())) == 150
        fake.hidden.clear()
        assert cycle(2)["flush"]["error"] is None
    assert stored() == 150
    assert flush.unstored(START + timedelta(minutes=2)) is None


def test_what_is_stored_fires_a_rule_though_more_waits(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    early = [error_message(finish_event({"message": f"m {n}", "severity": "critical"}, START), 1, START) for n in range(30)]
    FakeQueue(early, START).stand_in(monkeypatch)
    flush.flush(START, 5)
    FakeQueue([accepted(1)], START).stand_in(monkeypatch)
    with locked(database, "error_logs"):
        cycle(0)
    assert states()["high_error_rate"] == "firing"


def test_what_fires_of_one_group_goes_on_though_less_of_it_is_stored(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def spike_of(times: float) -> None:
        facts = [Fact("errors.spike", times, labels={"group": "1"})]
        monkeypatch.setattr("callwatch.monitor.steps.error_facts", lambda _conn, _now: facts)

    spike_of(9.0)
    FakeQueue([], START).stand_in(monkeypatch)
    cycle(0)
    assert states()["error_spike"] == "firing"
    spike_of(2.0)
    FakeQueue([accepted(1)], START).stand_in(monkeypatch)
    with locked(database, "error_logs"):
        for minute in range(1, 9):
            cycle(minute)
            assert states_of("error_spike|group=1") == "firing"
    FakeQueue([], START).stand_in(monkeypatch)
    for minute in (50, 60):
        cycle(minute)
    assert states_of("error_spike|group=1") == "ok"


def test_another_table_that_is_locked_keeps_nobody_from_storing_and_judging(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
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
    """Every limit of a statement is short."""
    monkeypatch.setattr(pool, "_bound", lambda conn, _ms, bound=pool._bound: bound(conn, 200))


@pytest.fixture
def role_that_waits_little(database: str) -> None:
    """The owner of the database has set how long our role waits for a lock."""
    with closing(psycopg2.connect(database)) as conn, conn.cursor() as cursor:
        cursor.execute(f"ALTER DATABASE {conn.info.dbname} SET lock_timeout = '100ms'")
        conn.commit()
    reset_pool()


@pytest.mark.usefixtures("role_that_waits_little")
def test_a_time_out_of_locks_is_told_and_answered_as_one_of_statements(database: str) -> None:
    with locked(database, "error_counts_hourly"):
        assert get_metrics_errors.handle(Request("GET", "/"))["unknown"]["trends"] == TOO_LATE
    with locked(database, "silences"), pytest.raises(LockNotAvailable) as failure:
        list_silences.handle(Request("GET", "/"))
    answer = as_http_error(failure.value)
    assert answer is not None
    assert (answer.status, answer.message) == (503, TOO_LATE)
    assert is_failing(failure.value), "and the evaluation pages for it"


@pytest.mark.usefixtures("impatient")
def test_metrics_say_null_and_why_for_what_is_locked_and_the_rest_as_it_is(database: str) -> None:
    ask = Request("GET", "/")
    with locked(database, "error_counts_hourly"):
        errors = get_metrics_errors.handle(ask)
        text = str(get_metrics_prometheus.handle(ask).body)
    assert (errors["summary"]["total_24h"], errors["trends"]) == (None, None)
    assert errors["unknown"]["summary.total_24h"] == errors["unknown"]["trends"] == TOO_LATE
    assert "callwatch_system_database_size_mb " in text
    assert "callwatch_errors_summary_total_24h" not in text
    with locked(database, "request_histograms"):
        system = system_metrics(START, OWN)
    assert system["database"]["size_mb"] > 1
    assert (system["api"]["p95_ms"], system["unknown"]["api.p95_ms"]) == (None, TOO_LATE)
    with locked(database, "error_counts_by_minute"):
        shown = history(START, "errors", "1h")
    assert (shown["series"], shown["unknown"]["series"]) == (None, TOO_LATE)


@pytest.mark.usefixtures("impatient")
def test_a_list_that_is_locked_is_503_and_says_so(database: str) -> None:
    with locked(database, "silences"), pytest.raises(QueryCanceled) as failure:
        list_silences.handle(Request("GET", "/"))
    answer = as_http_error(failure.value)
    assert answer is not None
    assert (answer.status, answer.code, answer.message) == (503, "database_unavailable", TOO_LATE)


@pytest.mark.parametrize("work", [copy_while_silencing, commit_in_silence])
def test_a_server_that_falls_silent_amid_a_copy_or_a_commit_is_given_up(
    database: str, monkeypatch: pytest.MonkeyPatch, work: Callable[[FreezingProxy], None]
) -> None:
    with FreezingProxy(database) as proxy:
        through(proxy, monkeypatch)
        with pytest.raises(DatabaseUnavailable):
            work(proxy)
