"""Upgrades the schema with numbered SQL files: each is applied once, as a whole, in order, by one process at a time."""

import hashlib
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg2

from callwatch.db.core.connect import OLDEST_MAJOR, Connection, extract_first_line, is_connection_lost, open_connection
from callwatch.db.core.lock import lock_in_transaction
from callwatch.db.core.partitions import ensure_partitions
from callwatch.db.core.query import execute, fetch_all, fetch_one
from callwatch.db.core.retry import is_retryable, with_retry
from callwatch.exceptions import DatabaseUnavailable, LockUnavailable, MigrationError

FOLDER = Path(__file__).resolve().parent.parent / "migrations"
_WAIT_FOR_OTHERS_S = 60.0
# Short: a migration that waits for a lock makes every other session queue behind it. It is retried instead.
_LOCK_TIMEOUT = "3s"

# Not CREATE SCHEMA IF NOT EXISTS: that needs the right to create in the database even if the schema exists.
_HAS_SCHEMA = "SELECT to_regnamespace('callwatch') IS NOT NULL AS is_there"
_REGISTER = """
    CREATE TABLE callwatch.migrations (
        number      integer PRIMARY KEY,
        name        text NOT NULL,
        checksum    text NOT NULL,
        applied_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
        duration_ms double precision NOT NULL
    )
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered SQL file; its checksum does not depend on line endings."""

    number: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the SQL."""
        return hashlib.sha256(self.sql.encode()).hexdigest()

    def __str__(self) -> str:
        return f"{self.number:04}_{self.name}"


def load_migrations(folder: Path = FOLDER) -> list[Migration]:
    """The migrations of a folder in order. Raises MigrationError if a name or number is wrong."""
    migrations: dict[int, Migration] = {}
    for path in sorted(folder.glob("*.sql")):
        match = re.fullmatch(r"(\d{4})_([a-z0-9_]+)\.sql", path.name)
        if match is None:
            raise MigrationError(f"{path.name}: the name of a migration must be NNNN_what_it_does.sql")
        migration = Migration(int(match[1]), match[2], path.read_text(encoding="utf-8").replace("\r\n", "\n"))
        if migration.number in migrations:
            raise MigrationError(f"{migration} and {migrations[migration.number]} have the same number")
        migrations[migration.number] = migration
    return list(migrations.values())


def migrate(dsn: str, folder: Path = FOLDER) -> list[str]:
    """Apply pending migrations, then create the day partitions; returns the names of the migrations applied.

    Two at once do no harm: one waits for the other. Numbers that this code does not know are left alone, so that old code still
    starts after a newer version has migrated. Raises MigrationError, after which nothing of the failing migration is kept;
    DatabaseUnavailable if the server cannot be reached.
    """
    known = load_migrations(folder)
    conn = open_connection(dsn)

    def may_try_again(error: BaseException) -> bool:
        return not conn.closed and is_retryable(error)

    applied = []
    try:
        _check_version(conn)
        while (name := with_retry(lambda: _apply_next(conn, known), retry_on=may_try_again)) is not None:
            applied.append(name)
        with_retry(lambda: _make_partitions(conn), retry_on=may_try_again)
    except psycopg2.Error as error:
        if is_connection_lost(error):
            raise DatabaseUnavailable(extract_first_line(error)) from error
        raise MigrationError(f"the schema cannot be upgraded: {extract_first_line(error)}") from error
    except LockUnavailable:
        raise MigrationError(f"another migration was still running after {_WAIT_FOR_OTHERS_S:g} s") from None
    finally:
        conn.close()
    return applied


def _check_version(conn: Connection) -> None:
    major = conn.server_version // 10_000
    if major < OLDEST_MAJOR:
        raise MigrationError(f"PostgreSQL must be version {OLDEST_MAJOR} or later; the server has {major}")


def _apply_next(conn: Connection, known: Sequence[Migration]) -> str | None:
    """Apply the first pending migration in a transaction of its own; None if nothing is pending."""
    try:
        lock_in_transaction(conn, "migrate", _WAIT_FOR_OTHERS_S)
        pending = _find_pending(conn, known)
        if pending is None:
            return None
        started = time.perf_counter()
        execute(conn, "SELECT set_config('lock_timeout', %s, true)", (_LOCK_TIMEOUT,))
        _run(conn, pending)
        duration_ms = (time.perf_counter() - started) * 1000
        execute(
            conn,
            "INSERT INTO callwatch.migrations (number, name, checksum, duration_ms) VALUES (%s, %s, %s, %s)",
            (pending.number, pending.name, pending.checksum, duration_ms),
        )
        conn.commit()
        return str(pending)
    finally:
        if not conn.closed:
            conn.rollback()


def _run(conn: Connection, migration: Migration) -> None:
    try:
        with conn.cursor() as cursor:
            cursor.execute(migration.sql)
    except psycopg2.Error as error:
        # A lock of another session, a deadlock: temporary, so our caller tries the whole migration again.
        if is_retryable(error):
            raise
        raise MigrationError(f"{migration} failed: {extract_first_line(error)}") from error


def _find_pending(conn: Connection, known: Sequence[Migration]) -> Migration | None:
    """The first migration not yet applied. Raises MigrationError if the history and the files disagree."""
    applied = _read_applied(conn)
    for migration in known:
        if applied.get(migration.number, migration.checksum) != migration.checksum:
            raise MigrationError(f"{migration} was changed after it was applied; restore it and add a new one")
    pending = [migration for migration in known if migration.number not in applied]
    if not pending:
        return None
    newest_known = max((migration.number for migration in known if migration.number in applied), default=0)
    if pending[0].number < newest_known:
        raise MigrationError(f"{pending[0]} comes too late: {newest_known:04} was already applied; number it after that")
    return pending[0]


def _read_applied(conn: Connection) -> dict[int, str]:
    """Checksums by number; the table of applied migrations is created if it is missing."""
    if not _is_there(conn, "migrations"):
        found = fetch_one(conn, _HAS_SCHEMA)
        if found is None or not found["is_there"]:
            execute(conn, "CREATE SCHEMA callwatch")
        execute(conn, _REGISTER)
    return {row["number"]: row["checksum"] for row in fetch_all(conn, "SELECT number, checksum FROM callwatch.migrations")}


def _is_there(conn: Connection, table_name: str) -> bool:
    row = fetch_one(conn, "SELECT to_regclass(%s) IS NOT NULL AS is_there", (f"callwatch.{table_name}",))
    return row is not None and bool(row["is_there"])


def _make_partitions(conn: Connection) -> None:
    try:
        if _is_there(conn, "partitioned_tables"):
            ensure_partitions(conn, datetime.now(UTC))
            conn.commit()
    finally:
        if not conn.closed:
            conn.rollback()
