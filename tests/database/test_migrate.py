"""Migrations: forward only, once each, whole or not at all."""

import threading
from pathlib import Path

import psycopg2
import pytest

from callwatch.db import connection, execute, fetch_all, fetch_one
from callwatch.db.migrate import migrate, read_migrations
from callwatch.exceptions import DatabaseUnavailable, MigrationError


def tables(dsn: str) -> set[str]:
    conn = psycopg2.connect(dsn)
    rows = fetch_all(conn, "SELECT table_name FROM information_schema.tables WHERE table_schema = 'callwatch'")
    conn.close()
    return {row["table_name"] for row in rows}


def test_an_empty_database_gets_every_table_and_a_second_run_changes_nothing(empty_database: str) -> None:
    ran = migrate(empty_database)
    assert [name[:4] for name in ran] == [f"{migration.number:04d}" for migration in read_migrations()]
    assert {"error_logs", "alerts", "api_logs", "monitor_cycles"} <= tables(empty_database)
    assert migrate(empty_database) == []


def test_two_runners_at_once_do_no_harm(empty_database: str) -> None:
    ran: list[list[str]] = []
    threads = [threading.Thread(target=lambda: ran.append(migrate(empty_database))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(name for names in ran for name in names) == [
        f"{migration.number:04d}_{migration.name}" for migration in read_migrations()
    ]


def test_a_failing_migration_leaves_nothing_of_itself_and_all_before_it(empty_database: str, tmp_path: Path) -> None:
    (tmp_path / "0001_good.sql").write_text("CREATE TABLE callwatch.good (id int)")
    (tmp_path / "0002_bad.sql").write_text("CREATE TABLE callwatch.half (id int); SELECT nonsense")
    with pytest.raises(MigrationError, match="0002_bad: column"):
        migrate(empty_database, tmp_path)
    assert "good" in tables(empty_database)
    assert "half" not in tables(empty_database)


def test_a_file_that_was_changed_after_it_ran_is_refused(empty_database: str, tmp_path: Path) -> None:
    file = tmp_path / "0001_good.sql"
    file.write_text("SELECT 1")
    migrate(empty_database, tmp_path)
    file.write_text("SELECT 2")
    with pytest.raises(MigrationError, match="changed after it ran"):
        migrate(empty_database, tmp_path)


def test_older_code_leaves_the_migrations_of_a_newer_release_alone(database: str) -> None:
    with connection() as conn:
        execute(conn, "INSERT INTO callwatch.migrations (number, name, checksum) VALUES (9999, 'later', 'x')")
        conn.commit()
    assert migrate(database) == []


def test_badly_named_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "first.sql").write_text("SELECT 1")
    with pytest.raises(MigrationError, match="NNNN_words"):
        read_migrations(tmp_path)


def test_a_database_that_is_not_there_is_said_so() -> None:
    with pytest.raises(DatabaseUnavailable):
        migrate("postgresql://nobody:x@127.0.0.1:1/none")


def test_everything_lives_in_our_own_schema(database: str) -> None:
    with connection() as conn:
        row = fetch_one(conn, "SELECT count(*) AS n FROM information_schema.tables WHERE table_schema = 'public'")
    assert row == {"n": 0}
