"""Migrations: forward only, each one once and atomically."""

import contextlib
import importlib
import os
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg2
import pytest

from callwatch.db import connection, execute, fetch_all, fetch_one, reset_pool
from callwatch.db.core.connect import Connection, open_connection
from callwatch.db.core.lock import lock_in_transaction
from callwatch.db.core.migrate import load_migrations, migrate
from callwatch.db.error_queries.group_lists import list_groups
from callwatch.digest.store import digest
from callwatch.events.event import build_error_message, finish_event
from callwatch.exceptions import DatabaseUnavailable, MigrationError
from callwatch.grouping.search_words import build_query
from callwatch.monitor.cycle import run_cycle
from callwatch.monitor.state import MonitorState
from callwatch.monitor.steps import build_steps
from callwatch.settings import reset_settings

# The package exports a function of the same name.
migrate_module = importlib.import_module("callwatch.db.core.migrate")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "0001_first.sql").write_text("CREATE TABLE callwatch.first (id int)")
    (tmp_path / "0002_second.sql").write_text("CREATE TABLE callwatch.second (id int)")
    return tmp_path


@contextlib.contextmanager
def opened(dsn: str) -> Iterator[Connection]:
    with contextlib.closing(open_connection(dsn)) as conn:
        yield conn


def tables(dsn: str, schema: str = "callwatch") -> set[str]:
    with opened(dsn) as conn:
        rows = fetch_all(conn, "SELECT tablename FROM pg_tables WHERE schemaname = %s", (schema,))
    return {row["tablename"] for row in rows}


def in_threads(count: int, target: Callable[[], object]) -> None:
    threads = [threading.Thread(target=target) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)


def test_second_migration_run_changes_nothing(empty_database: str) -> None:
    assert migrate(empty_database) == [str(migration) for migration in load_migrations()]
    assert {"migrations", "partitioned_tables", "monitor_lease", "monitor_cycles"} <= tables(empty_database)
    assert migrate(empty_database) == []


def test_everything_lives_in_our_own_schema(database: str) -> None:
    assert tables(database, "public") == set()


@pytest.mark.parametrize(
    ("given", "kept"),
    [('"$user", public', "public"), ('app, "$user"', "app"), ('"$user"', "public"), ('app, "$user", public', "app, public"),
     ("app", "app")],
)  # fmt: skip
def test_product_tables_are_found_before_ours(empty_database: str, given: str, kept: str) -> None:
    """The role of the tests has the name of our schema, as that of `make run` and of a stack with its own database has."""
    with contextlib.closing(psycopg2.connect(empty_database)) as conn, conn.cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA app; CREATE TABLE {kept.partition(',')[0]}.alerts (id int)")
        cursor.execute("SELECT current_user, current_database()")
        user, name = cursor.fetchone() or ("", "")
        assert user == "callwatch"
        cursor.execute(f'ALTER ROLE callwatch IN DATABASE "{name}" SET search_path = {given}')
        conn.commit()
    migrate(empty_database)
    with contextlib.closing(psycopg2.connect(empty_database)) as conn, conn.cursor() as cursor:
        cursor.execute("SELECT current_setting('search_path'), count(*) FROM alerts")
        assert cursor.fetchone() == (kept, 0)
        cursor.execute("SELECT attname FROM pg_attribute WHERE attrelid = 'alerts'::regclass AND attnum > 0")
        assert cursor.fetchall() == [("id",)]


def test_every_registered_table_has_partitions(database: str) -> None:
    with connection() as conn:
        bare = fetch_all(
            conn,
            "SELECT table_name FROM callwatch.partitioned_tables WHERE NOT EXISTS"
            " (SELECT FROM pg_inherits WHERE inhparent = ('callwatch.' || table_name)::regclass)",
        )
    assert bare == []


def test_four_runners_at_once_apply_each_migration_once(empty_database: str) -> None:
    applied: list[str] = []
    in_threads(4, lambda: applied.extend(migrate(empty_database)))
    assert sorted(applied) == [str(migration) for migration in load_migrations()]


def test_older_groups_are_searchable_after_the_migration(empty_database: str, tmp_path: Path) -> None:
    for migration in migrate_module.FOLDER.glob("*.sql"):
        if migration.name < "0012":
            shutil.copy(migration, tmp_path)
    migrate(empty_database, tmp_path)
    with opened(empty_database) as conn:
        execute(
            conn,
            "INSERT INTO callwatch.error_groups (project_id, environment, fingerprint, title, type, message, severity, category,"
            " endpoint, first_seen_at, last_seen_at) VALUES (1, 'p', '1:x', 't', 'app.OldError', 'an old story', 'low', 'api',"
            " 'GET /calls', now(), now())",
        )
        conn.commit()
    migrate(empty_database)
    with opened(empty_database) as conn:
        assert [len(list_groups(conn, {"q": build_query(word)}, 5)) for word in ("story", "olderr", "calls", "new")] == [
            1,
            1,
            1,
            0,
        ]


def test_failing_migration_leaves_earlier_ones_only(empty_database: str, folder: Path) -> None:
    (folder / "0003_bad.sql").write_text("CREATE TABLE callwatch.half (id int);\nSELECT nonsense;")
    with pytest.raises(MigrationError, match="0003_bad failed: column"):
        migrate(empty_database, folder)
    assert tables(empty_database) == {"migrations", "first", "second"}
    (folder / "0003_bad.sql").write_text("CREATE TABLE callwatch.whole (id int);")
    assert migrate(empty_database, folder) == ["0003_bad"]


def test_a_file_that_was_changed_after_it_was_applied_is_refused(empty_database: str, folder: Path) -> None:
    migrate(empty_database, folder)
    (folder / "0001_first.sql").write_text("CREATE TABLE callwatch.first (id bigint)")
    with pytest.raises(MigrationError, match="0001_first was changed after it was applied"):
        migrate(empty_database, folder)


def test_the_way_lines_end_is_no_change(empty_database: str, folder: Path) -> None:
    (folder / "0003_long.sql").write_bytes(b"SELECT 1;\nSELECT 2;\n")
    migrate(empty_database, folder)
    (folder / "0003_long.sql").write_bytes(b"SELECT 1;\r\nSELECT 2;\r\n")
    assert migrate(empty_database, folder) == []


def test_older_code_accepts_newer_migrations(empty_database: str, folder: Path) -> None:
    migrate(empty_database, folder)
    (folder / "0002_second.sql").unlink()
    assert migrate(empty_database, folder) == []
    assert "second" in tables(empty_database)


def test_a_number_below_an_applied_one_is_refused(empty_database: str, folder: Path) -> None:
    (folder / "0004_fourth.sql").write_text("SELECT 1")
    migrate(empty_database, folder)
    (folder / "0003_late.sql").write_text("SELECT 1")
    with pytest.raises(MigrationError, match="0003_late comes too late"):
        migrate(empty_database, folder)


def test_a_number_used_twice_is_refused(folder: Path) -> None:
    (folder / "0002_again.sql").write_text("SELECT 1")
    with pytest.raises(MigrationError, match="have the same number"):
        load_migrations(folder)


def test_a_badly_named_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "first.sql").write_text("SELECT 1")
    with pytest.raises(MigrationError, match="NNNN_what_it_does"):
        load_migrations(tmp_path)


def test_a_migration_waits_for_a_table_in_use_by_trying_again(
    empty_database: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate_module, "_LOCK_TIMEOUT", "100ms")
    migrate(empty_database, folder)
    (folder / "0003_alter.sql").write_text("ALTER TABLE callwatch.first ADD COLUMN name text")
    with opened(empty_database) as conn:
        execute(conn, "SELECT * FROM callwatch.first")
        applied: list[str] = []
        thread = threading.Thread(target=lambda: applied.extend(migrate(empty_database, folder)))
        thread.start()
        wait_until_blocked(conn)
        assert applied == []
        conn.rollback()
        thread.join(30)
    assert applied == ["0003_alter"]


def wait_until_blocked(conn: Connection) -> None:
    """Wait until a session waits for a lock."""
    deadline = threading.Event()
    for _ in range(500):
        row = fetch_one(conn, "SELECT count(*) AS n FROM pg_locks WHERE NOT granted")
        if row and row["n"]:
            return
        deadline.wait(0.01)
    pytest.fail("nobody ever waited for the lock")


def test_a_runner_that_cannot_get_its_turn_says_so(empty_database: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrate_module, "_WAIT_FOR_OTHERS_S", 0.1)
    with opened(empty_database) as conn:
        lock_in_transaction(conn, "migrate")
        with pytest.raises(MigrationError, match=r"still running after 0\.1 s"):
            migrate(empty_database, folder)


def test_a_user_who_may_not_create_is_told_in_one_line(empty_database: str) -> None:
    with opened(empty_database) as conn:
        name = f"reader_{conn.info.backend_pid}"
        execute(conn, f"CREATE ROLE {name} LOGIN PASSWORD 'for-a-test'")
        conn.commit()
    dsn = f"postgresql://{name}:for-a-test@{empty_database.rpartition('@')[2]}"
    with pytest.raises(MigrationError, match="permission denied"):
        migrate(dsn)
    with opened(empty_database) as conn:
        execute(conn, f"DROP ROLE {name}")
        conn.commit()


@pytest.fixture
def role_of_schema(empty_database: str) -> Iterator[str]:
    """Return the DSN of a role that owns schema `callwatch` and can create nothing else in the database."""
    name, role = empty_database.rpartition("/")[2], f"owner_{os.getpid()}"
    with opened(empty_database) as conn:
        conn.autocommit = True
        execute(conn, f"CREATE ROLE {role} LOGIN PASSWORD 'secret'")
        execute(conn, f'REVOKE CREATE ON DATABASE "{name}" FROM PUBLIC')
        execute(conn, f"CREATE SCHEMA callwatch AUTHORIZATION {role}")
    yield re.sub(r"//[^@]*@", f"//{role}:secret@", empty_database)
    with opened(empty_database) as conn:
        conn.autocommit = True
        execute(conn, f"DROP OWNED BY {role}")
        execute(conn, f"DROP ROLE {role}")


def test_a_role_that_owns_only_the_schema_can_migrate(role_of_schema: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(migrate(role_of_schema)) == len(load_migrations())
    assert migrate(role_of_schema) == []
    monkeypatch.setenv("DATABASE_URL", role_of_schema)
    reset_settings()
    reset_pool()
    steps = run_cycle(build_steps(list), MonitorState(), datetime.now(UTC), 50)["steps"]
    assert [steps[name]["error"] for name in ("prepare", "check", "evaluate", "notify")] == [None] * 4
    digest(
        [build_error_message(finish_event({"message": "boom"}, datetime.now(UTC)), 1, datetime.now(UTC))] * 2, datetime.now(UTC)
    )
    reset_pool()


def test_a_database_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(DatabaseUnavailable, match="refused"):
        migrate("postgresql://nobody:x@127.0.0.1:1/none")


def test_unreadable_dsn_is_not_repeated_in_the_error() -> None:
    with pytest.raises(DatabaseUnavailable) as caught:
        migrate("postgresql://user:sec ret@[::1/none")
    assert "ret" not in str(caught.value).replace("string", "")
    assert isinstance(caught.value.__cause__, psycopg2.Error)
