"""Day partitions: created in time by every creator, and dropped after their retention."""

import threading
from datetime import UTC, date, datetime, timedelta, timezone

import psycopg2
import pytest

from callwatch.db import compute_day_window, connection, drop_old_partitions, ensure_partitions, execute, fetch_all, fetch_one
from callwatch.db.core.partitions import name_partition
from callwatch.settings import reset_settings

NOW = datetime(2031, 3, 9, 23, 30, tzinfo=UTC)


@pytest.fixture
def parents(database: str) -> str:
    """Create one table partitioned by time, one by date."""
    with connection() as conn:
        execute(conn, "DELETE FROM callwatch.partitioned_tables")
        execute(
            conn,
            """
            CREATE TABLE callwatch.visits (
                id uuid NOT NULL DEFAULT gen_random_uuid(),
                at timestamptz NOT NULL,
                day date GENERATED ALWAYS AS ((at AT TIME ZONE 'UTC')::date) STORED,
                note text CHECK (note <> ''),
                PRIMARY KEY (at, id)
            ) PARTITION BY RANGE (at);
            CREATE INDEX visits_note ON callwatch.visits (note);
            CREATE TABLE callwatch.days (
                day date NOT NULL,
                id bigint GENERATED ALWAYS AS IDENTITY,
                PRIMARY KEY (day, id)
            ) PARTITION BY RANGE (day);
            INSERT INTO callwatch.partitioned_tables (table_name, storage_options)
                VALUES ('visits', 'fillfactor = 90, toast_tuple_target=8160'), ('days', '')
            """,
        )
        conn.commit()
    return database


def list_partitions(table_name: str) -> set[str]:
    with connection() as conn:
        rows = fetch_all(
            conn,
            "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = %s::regclass",
            (f"callwatch.{table_name}",),
        )
    return {row["name"].removeprefix("callwatch.") for row in rows}


def make(now: datetime = NOW) -> list[str]:
    with connection() as conn:
        made = ensure_partitions(conn, now)
        conn.commit()
    return made


def test_a_row_of_every_day_of_the_window_finds_its_partition(parents: str) -> None:
    make()
    first_day, last_day = compute_day_window(NOW)
    assert (first_day, last_day) == (date(2031, 2, 16), date(2031, 3, 10))
    with connection() as conn:
        for offset in range((last_day - first_day).days + 1):
            start = datetime.combine(first_day + timedelta(days=offset), datetime.min.time(), UTC)
            for at in (start, start + timedelta(hours=23, minutes=59, seconds=59.999999)):
                execute(conn, "INSERT INTO callwatch.visits (at) VALUES (%s)", (at,))
            execute(conn, "INSERT INTO callwatch.days (day) VALUES (%s)", (start.date(),))
            name = name_partition("visits", start.date())
            assert fetch_one(conn, f"SELECT count(*) AS n FROM callwatch.{name}") == {"n": 2}


def test_partition_days_are_utc_in_every_session_timezone(parents: str) -> None:
    with connection() as conn:
        execute(conn, "SET TIME ZONE 'Asia/Tokyo'")
        made = ensure_partitions(conn, NOW.astimezone(timezone(timedelta(hours=9))), days_behind=0, days_ahead=0)
        assert made == ["days_p20310309", "visits_p20310309"]
        execute(conn, "INSERT INTO callwatch.visits (at) VALUES ('2031-03-09 00:00+00'), ('2031-03-09 23:59:59+00')")
        execute(conn, "INSERT INTO callwatch.days (day) VALUES ('2031-03-09')")


def test_what_is_there_is_not_made_again(parents: str) -> None:
    assert len(make()) == 2 * (21 + 1 + 7)
    assert make() == []
    assert make(NOW + timedelta(days=1)) == ["days_p20310317", "visits_p20310317"]


def test_four_at_once_make_each_partition_once(parents: str) -> None:
    made: list[str] = []
    threads = [threading.Thread(target=lambda: made.extend(make())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(made) == len(set(made)) == 58


def test_making_partitions_waits_for_no_reader_and_no_writer(parents: str) -> None:
    make()
    with connection() as conn:
        execute(conn, "INSERT INTO callwatch.visits (at) VALUES (%s)", (NOW,))
        fetch_all(conn, "SELECT * FROM callwatch.days")
        assert len(make(NOW + timedelta(days=1))) == 2
        conn.commit()


def test_partition_has_options_indexes_and_checks_of_parent(parents: str) -> None:
    make()
    name = name_partition("visits", NOW.date())
    with connection() as conn:
        row = fetch_one(conn, "SELECT reloptions FROM pg_class WHERE relname = %s", (name,))
        assert row == {"reloptions": ["fillfactor=90", "toast_tuple_target=8160"]}
        indexes = fetch_all(conn, "SELECT indexname FROM pg_indexes WHERE tablename = %s", (name,))
        assert len(indexes) == 2
        with pytest.raises(psycopg2.errors.CheckViolation):
            execute(conn, "INSERT INTO callwatch.visits (at, note) VALUES (%s, '')", (NOW,))


def test_storage_options_that_are_none_are_refused(parents: str) -> None:
    with connection() as conn:
        execute(conn, "UPDATE callwatch.partitioned_tables SET storage_options = 'fillfactor=90); DROP TABLE x'")
        with pytest.raises(ValueError, match="storage options of days"):
            ensure_partitions(conn, NOW)


def test_only_days_older_than_the_retention_are_dropped(parents: str) -> None:
    make()
    with connection() as conn:
        dropped = drop_old_partitions(conn, NOW, retention_days=3)
    assert len(dropped) == 2 * 18
    assert min(list_partitions("visits")) == "visits_p20310306"
    assert max(list_partitions("visits")) == "visits_p20310316"


def test_a_partition_in_use_is_left_for_the_next_time(parents: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callwatch.db.core.partitions._LOCK_TIMEOUT", "50ms")
    make()
    with connection() as reader, connection() as conn:
        fetch_all(reader, "SELECT * FROM callwatch.visits_p20310216")
        dropped = drop_old_partitions(conn, NOW, retention_days=20)
        assert dropped == ["days_p20310216"]
        reader.rollback()
        assert drop_old_partitions(conn, NOW, retention_days=20) == ["visits_p20310216"]


def test_short_retention_creates_no_expired_partition(parents: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETENTION_DAYS", "2")
    reset_settings()
    made = make()
    assert min(made) == "days_p20310307"
    with connection() as conn:
        assert drop_old_partitions(conn, NOW, retention_days=2) == []
    assert compute_day_window(NOW) == (date(2031, 3, 7), date(2031, 3, 10))


def test_other_tables_and_unregistered_ones_are_left_alone(parents: str) -> None:
    make()
    with connection() as conn:
        execute(conn, "CREATE TABLE callwatch.visits_p19990101 (id int)")
        execute(conn, "DELETE FROM callwatch.partitioned_tables WHERE table_name = 'days'")
        conn.commit()
        drop_old_partitions(conn, NOW, retention_days=0)
        assert fetch_one(conn, "SELECT to_regclass('callwatch.visits_p19990101') IS NOT NULL AS kept") == {"kept": True}
    assert len(list_partitions("days")) == 29
