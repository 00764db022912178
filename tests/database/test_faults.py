"""The database layer under the faults that it handles, each a real one on a real PostgreSQL."""

import os
import socket
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import psycopg2
import pytest

from callwatch.db import (
    CommitOutcomeUnknown,
    Connection,
    advisory_lock,
    connection,
    execute,
    fetch_all,
    fetch_one,
    lock_in_transaction,
    product_connection,
    read_pool_statistics,
    reset_pool,
    with_deadlock_retry,
    with_transaction,
)
from callwatch.db.connections.pool import Pool
from callwatch.db.core.connect import open_connection
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


def test_deadlock_is_retried_and_both_commit_once(accounts: str) -> None:
    both_hold_one = threading.Barrier(2, timeout=30)
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
    both_have_read = threading.Barrier(2, timeout=30)
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


def test_terminated_backend_is_replaced_and_work_repeated(accounts: str) -> None:
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


def test_dead_idle_connections_are_dropped_without_failure(database: str) -> None:
    pool = Pool(database, size=3)
    with pool.connection() as one, pool.connection() as two, pool.connection() as three:
        pids = [conn.info.backend_pid for conn in (one, two, three)]
    assert pool.read_statistics()["idle"] == 3
    for pid in pids:
        terminate(database, pid)
    with pool.connection() as conn:
        assert fetch_one(conn, "SELECT 1 AS one") == {"one": 1}
    assert pool.read_statistics()["total"] == 1
    pool.close()


def test_long_idle_connection_is_tested_before_use(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callwatch.db.connections.pool._ASK_AFTER_IDLE_S", -1.0)
    pool = Pool(database, size=1)
    with pool.connection() as conn:
        # As with a lost NAT entry: the socket is gone, and nothing was received that says so.
        lost = socket.socket(fileno=os.dup(conn.fileno()))
        pid = conn.info.backend_pid
    lost.shutdown(socket.SHUT_WR)
    with pool.connection() as conn:
        assert fetch_one(conn, "SELECT 1 AS one") == {"one": 1}
        assert conn.info.backend_pid != pid
    lost.close()
    pool.close()


def test_lost_connection_is_one_error_and_frees_its_place(database: str) -> None:
    pool = Pool(database, size=1)
    with pytest.raises(DatabaseUnavailable, match="connection"), pool.connection() as conn:
        terminate_and_ask(database, conn)
    assert pool.read_statistics() == {"total": 0, "active": 0, "idle": 0, "waiting": 0, "utilization": 0}
    with pool.connection() as conn:
        assert fetch_one(conn, "SELECT 1 AS one") == {"one": 1}
    pool.close()


def test_caller_waits_for_a_connection_until_the_deadline(database: str) -> None:
    pool = Pool(database, size=1, wait_s=0.5)
    waited = []

    def borrow() -> None:
        started = time.monotonic()
        with pool.connection():
            waited.append(time.monotonic() - started)

    with pool.connection():
        thread = threading.Thread(target=borrow)
        thread.start()
        while pool.read_statistics()["waiting"] == 0:
            time.sleep(0.01)
        assert pool.read_statistics() == {"total": 1, "active": 1, "idle": 0, "waiting": 1, "utilization": 100}
    thread.join(30)
    assert len(waited) == 1
    started = time.monotonic()
    with pool.connection(), pytest.raises(PoolExhausted, match="all 1 database connections"), pool.connection():
        pass
    assert 0.4 < time.monotonic() - started < 20
    assert pool.read_statistics() == {"total": 1, "active": 0, "idle": 1, "waiting": 0, "utilization": 0}
    pool.close()


def test_waiting_callers_are_served_in_the_order_they_came(database: str) -> None:
    pool = Pool(database, size=1)
    served: list[int] = []

    def borrow(number: int) -> None:
        with pool.connection():
            served.append(number)

    threads = [threading.Thread(target=borrow, args=(number,)) for number in range(5)]
    with pool.connection():
        for count, thread in enumerate(threads, start=1):
            thread.start()
            while pool.read_statistics()["waiting"] < count:
                time.sleep(0.005)
    for thread in threads:
        thread.join(30)
    assert served == [0, 1, 2, 3, 4]
    pool.close()


def test_a_pool_keeps_fewer_connections_idle_than_it_lends(database: str) -> None:
    pool = Pool(database, size=3, kept=1)
    with pool.connection(), pool.connection(), pool.connection():
        assert pool.read_statistics()["total"] == 3
    assert pool.read_statistics() == {"total": 1, "active": 0, "idle": 1, "waiting": 0, "utilization": 0}
    pool.close()


@pytest.mark.parametrize(("is_lambda", "size"), [(True, 2), (False, 20)])
def test_the_pool_is_small_inside_lambda(database: str, monkeypatch: pytest.MonkeyPatch, is_lambda: bool, size: int) -> None:
    monkeypatch.delenv("AWS_LAMBDA_FUNCTION_NAME", raising=False)
    if is_lambda:
        monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "run_monitor")
    with connection():
        assert read_pool_statistics()["utilization"] == 100 / size


def test_a_child_process_leaves_its_parents_connections_alone(accounts: str) -> None:
    with connection() as conn:
        pid = conn.info.backend_pid
    child = os.fork()
    if child == 0:
        with connection() as conn:
            is_own = conn.info.backend_pid != pid
        reset_pool()
        os._exit(0 if is_own else 1)
    assert os.waitpid(child, 0)[1] == 0
    with connection() as conn:
        assert conn.info.backend_pid == pid
        assert fetch_one(conn, "SELECT 1 AS one") == {"one": 1}


def test_a_connection_comes_back_as_it_was_lent(accounts: str) -> None:
    with connection(statement_timeout_ms=500) as conn:
        pid = conn.info.backend_pid
        conn.autocommit = True
    with connection() as conn:
        assert conn.info.backend_pid == pid
        assert fetch_one(conn, "SHOW statement_timeout") == {"statement_timeout": "0"}
        execute(conn, "UPDATE accounts SET amount = 5")
    assert amounts() == [0, 0], "autocommit was switched off again"


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
    assert pool.read_statistics()["total"] <= 3
    pool.close()


def test_a_server_that_is_not_there_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody:x@127.0.0.1:1/none")
    with pytest.raises(DatabaseUnavailable, match="refused"), connection():
        pass
    assert read_pool_statistics()["active"] == 0, "the failed attempt left no place taken"


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


def test_times_come_in_utc_whatever_the_database_is_set_to(database: str) -> None:
    with connection() as conn:
        execute(conn, f"ALTER DATABASE {conn.info.dbname} SET timezone = 'Asia/Tokyo'")
        conn.commit()
    reset_pool()
    with connection() as conn:
        row = fetch_one(conn, "SELECT current_setting('TimeZone') AS zone, '2031-03-09 23:30+00'::timestamptz AS at")
    assert row == {"zone": "UTC", "at": datetime(2031, 3, 9, 23, 30, tzinfo=UTC)}
    assert row["at"].utcoffset() == timedelta(0)


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
    thread.join(30)
    assert order == ["other names are free", "first", "second"]


def test_optional_lock_says_at_once_whether_it_is_held(database: str) -> None:
    with advisory_lock("report", wait_s=0) as is_ours, advisory_lock("report", wait_s=0) as is_also_ours:
        assert (is_ours, is_also_ours) == (True, False)
    with advisory_lock("report", wait_s=0) as is_ours:
        assert is_ours, "it ended with its block"


def test_a_lock_is_free_when_its_holder_dies(database: str) -> None:
    holder = open_connection(database)
    lock_in_transaction(holder, "report")
    with pytest.raises(LockUnavailable), advisory_lock("report", wait_s=0.05):
        pass
    terminate(database, holder.info.backend_pid)
    with advisory_lock("report", wait_s=1) as is_ours:
        assert is_ours


def test_a_lock_that_was_not_had_leaves_its_transaction_usable(accounts: str) -> None:
    with advisory_lock("report"), connection() as conn:
        execute(conn, "UPDATE accounts SET amount = 7 WHERE id = 1")
        with pytest.raises(LockUnavailable):
            lock_in_transaction(conn, "report", wait_s=0.05)
        conn.commit()
    assert amounts() == [7, 0]


def test_the_product_connection_can_only_read(accounts: str) -> None:
    with product_connection() as conn:
        assert fetch_one(conn, "SELECT count(*) AS n FROM accounts") == {"n": 2}
        with pytest.raises(psycopg2.errors.ReadOnlySqlTransaction):
            execute(conn, "UPDATE accounts SET amount = 1")
        conn.rollback()
        with pytest.raises(psycopg2.errors.ReadOnlySqlTransaction):
            execute(conn, "UPDATE accounts SET amount = 1")
    assert amounts() == [0, 0]


def test_product_connection_bounds_each_statement(accounts: str) -> None:
    with product_connection(statement_timeout_ms=50) as conn:
        for _ in range(2):
            with pytest.raises(psycopg2.errors.QueryCanceled):
                execute(conn, "SELECT pg_sleep(10)")
            conn.rollback()
    with product_connection() as conn:
        assert fetch_one(conn, "SHOW statement_timeout") == {"statement_timeout": "2s"}


def test_nothing_of_ours_stays_in_the_products_session(accounts: str) -> None:
    with product_connection() as conn:
        fetch_one(conn, "SELECT 1")
        conn.rollback()
        conn.transaction_settings = {}
        conn.set_session(readonly="default")
        assert fetch_one(conn, "SHOW statement_timeout") == {"statement_timeout": "0"}
        assert fetch_one(conn, "SHOW default_transaction_read_only") == {"default_transaction_read_only": "off"}


def test_commit_with_a_lost_connection_is_not_repeated(accounts: str) -> None:
    calls = []

    def add(conn: Connection) -> None:
        calls.append(1)
        execute(conn, "UPDATE accounts SET amount = amount + 1 WHERE id = 1")
        terminate_at_commit(conn)

    with pytest.raises(CommitOutcomeUnknown, match="connection lost during commit"):
        with_transaction(add, initial_delay_ms=1)
    assert len(calls) == 1


def test_idempotent_transaction_repeats_after_a_lost_commit(accounts: str) -> None:
    calls = []

    def put(conn: Connection) -> None:
        calls.append(1)
        execute(conn, "UPDATE accounts SET amount = 4 WHERE id = 1")
        if len(calls) == 1:
            terminate_at_commit(conn)

    with_transaction(put, initial_delay_ms=1, is_idempotent=True)
    assert len(calls) == 2
    assert amounts() == [4, 0]


def test_a_deferred_conflict_at_commit_repeats_the_transaction(accounts: str) -> None:
    both_have_read = threading.Barrier(2, timeout=30)
    attempts = []

    def claim(mine: int, other: int) -> Callable[[], None]:
        def run(conn: Connection) -> None:
            attempts.append(mine)
            row = fetch_one(conn, "SELECT amount FROM accounts WHERE id = %s", (other,))
            if len(attempts) <= 2:
                both_have_read.wait()
            if row == {"amount": 0}:
                execute(conn, "UPDATE accounts SET amount = 1 WHERE id = %s", (mine,))

        return lambda: with_transaction(run, isolation="serializable", initial_delay_ms=5)

    in_threads(claim(1, 2), claim(2, 1))
    assert sorted(amounts()) == [0, 1], "write skew would have set both"
    assert len(attempts) == 3


def terminate_at_commit(conn: Connection) -> None:
    """Make the server end the session during COMMIT, with a deferred trigger."""
    execute(
        conn,
        """
        CREATE FUNCTION pg_temp.end_it() RETURNS trigger LANGUAGE plpgsql AS
            'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END';
        CREATE TEMP TABLE last_straw (id int);
        CREATE CONSTRAINT TRIGGER last_straw AFTER INSERT ON last_straw
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION pg_temp.end_it();
        INSERT INTO last_straw VALUES (1)
        """,
    )


def terminate_and_ask(dsn: str, conn: Connection) -> None:
    terminate(dsn, conn.info.backend_pid)
    fetch_one(conn, "SELECT 1")


def terminate(dsn: str, pid: int) -> None:
    conn = psycopg2.connect(dsn)
    with conn, conn.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
    conn.close()
