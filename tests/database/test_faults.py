"""The database layer under the faults it is for, each a real one on a real PostgreSQL."""

import threading
import time
from collections.abc import Callable

import psycopg2
import pytest

from callwatch.db import (
    Connection,
    advisory_lock,
    connection,
    execute,
    fetch_all,
    fetch_one,
    pool_statistics,
    product_connection,
    with_deadlock_retry,
    with_retry,
    with_transaction,
)
from callwatch.db.pool import Pool
from callwatch.exceptions import DatabaseUnavailable, LockUnavailable, PoolExhausted


def in_threads(*targets: Callable[[], None]) -> None:
    threads = [threading.Thread(target=target) for target in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)


@pytest.fixture
def accounts(database: str) -> str:
    with connection() as conn:
        execute(conn, "CREATE TABLE accounts (id int PRIMARY KEY, amount int NOT NULL)")
        execute(conn, "INSERT INTO accounts VALUES (1, 0), (2, 0)")
        conn.commit()
    return database


def amounts() -> list[int]:
    with connection() as conn:
        return [row["amount"] for row in fetch_all(conn, "SELECT amount FROM accounts ORDER BY id")]


def test_a_true_deadlock_is_retried_and_both_transactions_happen_once(accounts: str) -> None:
    both_hold_one = threading.Barrier(2, timeout=10)
    attempts: list[str] = []

    def cross(first: int, second: int) -> Callable[[], None]:
        met = threading.Event()

        def transaction() -> None:
            attempts.append(f"{first}->{second}")
            with connection() as conn:
                execute(conn, "UPDATE accounts SET amount = amount + 1 WHERE id = %s", (first,))
                if not met.is_set():
                    met.set()
                    both_hold_one.wait()
                execute(conn, "UPDATE accounts SET amount = amount + 1 WHERE id = %s", (second,))
                conn.commit()

        return lambda: with_deadlock_retry(transaction)

    in_threads(cross(1, 2), cross(2, 1))
    assert amounts() == [2, 2]
    assert len(attempts) == 3, "exactly one of the two was the victim, and came again"


def test_a_serialization_failure_repeats_the_whole_transaction(accounts: str) -> None:
    both_have_read = threading.Barrier(2, timeout=10)
    attempts: list[int] = []

    def adder() -> None:
        def run(conn: Connection) -> None:
            execute(conn, "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
            row = fetch_one(conn, "SELECT sum(amount)::int AS total FROM accounts")
            assert row is not None
            attempts.append(row["total"])
            if len(attempts) <= 2:
                both_have_read.wait()
            execute(conn, "UPDATE accounts SET amount = %s WHERE id = 1", (row["total"] + 1,))

        with_transaction(run, initial_delay_ms=5)

    in_threads(adder, adder)
    assert amounts() == [2, 0], "an unserialized pair would have left 1"
    assert len(attempts) >= 3


def test_a_terminated_backend_is_replaced_and_the_transaction_repeated(accounts: str) -> None:
    attempts: list[int] = []

    def add(conn: Connection) -> None:
        attempts.append(conn.info.backend_pid)
        execute(conn, "UPDATE accounts SET amount = amount + 1 WHERE id = 1")
        if len(attempts) == 1:
            terminate(accounts, conn.info.backend_pid)

    with_transaction(add, initial_delay_ms=5)
    assert amounts()[0] == 1
    assert len(set(attempts)) == 2


def test_a_connection_that_died_while_idle_is_not_handed_out(accounts: str) -> None:
    with connection() as conn:
        pid = conn.info.backend_pid
    terminate(accounts, pid)
    with connection() as conn:
        assert fetch_one(conn, "SELECT 1 AS one") == {"one": 1}
        assert conn.info.backend_pid != pid


def test_a_caller_waits_for_a_connection_and_fails_only_when_the_wait_ran_out(database: str) -> None:
    pool = Pool(database, size=1, wait_s=0.5)
    waited = []

    def borrow() -> None:
        started = time.monotonic()
        with pool.connection():
            waited.append(time.monotonic() - started)

    with pool.connection():
        thread = threading.Thread(target=borrow)
        thread.start()
        while pool.statistics()["waiting"] == 0:
            time.sleep(0.01)
        assert pool.statistics() == {"total": 1, "active": 1, "idle": 0, "waiting": 1, "utilization": 100}
    thread.join(5)
    assert len(waited) == 1
    with pool.connection(), pytest.raises(PoolExhausted, match="all 1 connections"), pool.connection():
        pass
    assert pool.statistics() == {"total": 1, "active": 0, "idle": 1, "waiting": 0, "utilization": 0}
    pool.close()


def test_many_threads_share_a_small_pool_without_failing(database: str) -> None:
    pool = Pool(database, size=3)
    done = []

    def work() -> None:
        for _ in range(10):
            with pool.connection() as conn:
                fetch_one(conn, "SELECT pg_sleep(0.001)")
            done.append(1)

    in_threads(*[work] * 12)
    assert len(done) == 120
    assert pool.statistics()["total"] <= 3
    pool.close()


def test_a_server_that_is_not_there_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody:x@127.0.0.1:1/none")
    with pytest.raises(DatabaseUnavailable, match="refused"), connection():
        pass
    assert pool_statistics()["active"] == 0, "the failed attempt left no place taken"


def test_what_was_not_committed_is_rolled_back(accounts: str) -> None:
    with connection() as conn:
        execute(conn, "UPDATE accounts SET amount = 9")
    assert amounts() == [0, 0]


def test_an_error_that_no_retry_can_mend_is_raised_at_once(accounts: str) -> None:
    calls = []

    def duplicate(conn: Connection) -> None:
        calls.append(1)
        execute(conn, "INSERT INTO accounts VALUES (1, 0)")

    with pytest.raises(psycopg2.errors.UniqueViolation):
        with_transaction(duplicate)
    assert len(calls) == 1


def test_retries_end_and_the_last_error_is_raised() -> None:
    calls = []

    def fail() -> None:
        calls.append(1)
        raise ConnectionResetError("again")

    with pytest.raises(ConnectionResetError):
        with_retry(fail, max_retries=2, initial_delay_ms=1)
    assert len(calls) == 3


def test_a_lock_held_elsewhere_is_waited_for_and_then_given_up(database: str) -> None:
    order = []

    def second() -> None:
        with advisory_lock("report", wait_s=5):
            order.append("second")

    with advisory_lock("report"):
        with pytest.raises(LockUnavailable, match="report"), advisory_lock("report", wait_s=0.1):
            pass
        with advisory_lock("another"):
            order.append("other names are free")
        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.2)
        order.append("first")
    thread.join(5)
    assert order == ["other names are free", "first", "second"]


def test_a_lock_is_free_when_its_holder_dies(database: str) -> None:
    with pytest.raises(psycopg2.Error), advisory_lock("report") as conn:
        terminate(database, conn.info.backend_pid)
        fetch_one(conn, "SELECT 1")
    with advisory_lock("report", wait_s=1):
        assert True


def test_the_product_connection_can_only_read_and_only_for_a_bounded_time(accounts: str) -> None:
    with product_connection() as conn:
        assert fetch_one(conn, "SELECT count(*) AS n FROM accounts") == {"n": 2}
        with pytest.raises(psycopg2.errors.ReadOnlySqlTransaction):
            execute(conn, "UPDATE accounts SET amount = 1")
    with product_connection() as conn, pytest.raises(psycopg2.errors.QueryCanceled):
        execute(conn, "SELECT pg_sleep(10)")


def terminate(dsn: str, pid: int) -> None:
    conn = psycopg2.connect(dsn)
    with conn, conn.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
    conn.close()
