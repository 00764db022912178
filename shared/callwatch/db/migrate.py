"""Brings the schema forward: numbered files, each once, each in one transaction, one runner at a time."""

import contextlib
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import psycopg2

from callwatch.db.lock import lock_in_transaction
from callwatch.db.pool import Connection
from callwatch.exceptions import DatabaseUnavailable, MigrationError

FOLDER = Path(__file__).parent / "migrations"
_LOCK_WAIT_S = 120.0


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: its number, its name, its SQL."""

    number: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the SQL, to find a file that was changed after it ran."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def read_migrations(folder: Path = FOLDER) -> list[Migration]:
    """The migrations of a folder in order. Raises MigrationError for a bad name or a number used twice."""
    found: dict[int, Migration] = {}
    for path in sorted(folder.glob("*.sql")):
        match = re.fullmatch(r"(\d{4})_(\w+)\.sql", path.name)
        if not match or int(match[1]) in found:
            raise MigrationError(f"{path.name}: migrations are named NNNN_words.sql, each number once")
        found[int(match[1])] = Migration(int(match[1]), match[2], path.read_text())
    return [found[number] for number in sorted(found)]


def migrate(dsn: str, folder: Path = FOLDER) -> list[str]:
    """Run what has not run yet; returns the names of what ran now.

    Several runners at once do no harm: one works, the others wait and find it done. Migrations that the
    database knows and this code does not (a newer release ran them) are left alone.
    Raises MigrationError (a failing file leaves nothing behind), DatabaseUnavailable.
    """
    migrations = read_migrations(folder)
    try:
        conn = psycopg2.connect(dsn, connect_timeout=10, application_name="callwatch migrate")
    except psycopg2.Error as error:
        raise DatabaseUnavailable(str(error).strip().splitlines()[0]) from error
    with contextlib.closing(conn):
        done = []
        for migration in migrations:
            if _run_once(conn, migration):
                done.append(f"{migration.number:04d}_{migration.name}")
        return done


def _run_once(conn: Connection, migration: Migration) -> bool:
    try:
        with conn, conn.cursor() as cursor:
            lock_in_transaction(conn, "migrate", _LOCK_WAIT_S)
            _make_register(conn)
            cursor.execute("SELECT checksum FROM callwatch.migrations WHERE number = %s", (migration.number,))
            row = cursor.fetchone()
            if row is not None:
                _check_unchanged(migration, row[0])
                return False
            # A table in long use by others must not be queued for behind, with everybody else behind us.
            cursor.execute("SET LOCAL lock_timeout = '5s'")
            cursor.execute(migration.sql)
            cursor.execute(
                "INSERT INTO callwatch.migrations (number, name, checksum) VALUES (%s, %s, %s)",
                (migration.number, migration.name, migration.checksum),
            )
            return True
    except psycopg2.Error as error:
        reason = str(error).strip().splitlines()[0]
        raise MigrationError(f"{migration.number:04d}_{migration.name}: {reason}") from error


def _make_register(conn: Connection) -> None:
    with conn.cursor() as cursor:
        cursor.execute("CREATE SCHEMA IF NOT EXISTS callwatch")
        cursor.execute(
            "CREATE TABLE IF NOT EXISTS callwatch.migrations ("
            " number integer PRIMARY KEY, name text NOT NULL, checksum text NOT NULL,"
            " ran_at timestamptz NOT NULL DEFAULT now())"
        )


def _check_unchanged(migration: Migration, checksum: str) -> None:
    if checksum != migration.checksum:
        raise MigrationError(
            f"{migration.number:04d}_{migration.name} was changed after it ran: "
            "restore the file and write the change as a new migration"
        )
