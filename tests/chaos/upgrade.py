"""An upgrade: today's code is started on a database that an early release has left, with rows in it."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg2

from callwatch.db.core.migrate import FOLDER, load_migrations, migrate
from tests.chaos.arena import Arena, build_environ, open_arena

# Nothing was released yet: this is the schema of the oldest systems that are known to run.
_NEWEST_OLD_MIGRATION = 13
_ROWS = Path(__file__).resolve().parents[1] / "fixtures" / "release_0013.sql"
_KEPT = (
    "error_logs", "error_groups", "error_fingerprints", "error_group_users", "error_group_history", "error_counts_hourly",
    "error_counts_by_group", "api_logs", "request_histograms_hourly", "check_results", "uptime_hours", "rule_settings", "alerts",
    "alert_timeline", "deliveries", "silences",
)  # fmt: skip


@contextlib.contextmanager
def run_upgraded_arena() -> Iterator[Arena]:
    """An arena whose system was started on old rows."""
    with open_arena() as arena:
        fill_old_database(arena.postgres.dsn)
        arena.notes["old"] = count_rows(arena)
        arena.start_system(build_environ(arena, arena.postgres.dsn))
        yield arena


def fill_old_database(dsn: str) -> None:
    """The schema as of the old migration, and rows in it."""
    with tempfile.TemporaryDirectory() as folder:
        for migration in load_migrations():
            if migration.number <= _NEWEST_OLD_MIGRATION:
                shutil.copy(FOLDER / f"{migration}.sql", folder)
        applied = migrate(dsn, Path(folder))
    assert applied[-1].startswith(f"{_NEWEST_OLD_MIGRATION:04}_")
    with contextlib.closing(psycopg2.connect(dsn)) as conn, conn, conn.cursor() as cursor:
        cursor.execute(_ROWS.read_text())


@contextlib.contextmanager
def begin(arena: Arena) -> Iterator[None]:
    """The system already runs on the old rows."""
    yield


def count_rows(arena: Arena) -> dict[str, int]:
    """Rows by table."""
    return {table: int(arena.sql(f"SELECT count(*) FROM callwatch.{table}")[0][0]) for table in _KEPT}


def find_missing(arena: Arena) -> list[str]:
    """What an upgrade lost: rows, a migration, a count, or the notification that was due."""
    now, old = count_rows(arena), arena.notes["old"]
    problems = [f"{table} had {count} old rows and has {now[table]}" for table, count in old.items() if now[table] < count]
    newest = max(migration.number for migration in load_migrations())
    ((applied,),) = arena.sql("SELECT max(number) FROM callwatch.migrations")
    if applied != newest:
        problems.append(f"migration {applied} is the newest, not {newest}")
    ((counted,),) = arena.sql("SELECT sum(count) FROM callwatch.error_groups WHERE environment LIKE 'old %%'")
    if counted != old["error_logs"]:
        problems.append(f"old groups count {counted} errors, not {old['error_logs']}")
    if "old-due" not in {request.headers.get("webhook-id") for request in arena.receiver.received}:
        problems.append("the notification that was due did not arrive")
    return problems
