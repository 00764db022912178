"""What every test may ask for: a real PostgreSQL, and in it a database of the test's own."""

import contextlib
import itertools
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest
from psycopg2 import sql

from callwatch.db import migrate, reset_pool
from callwatch.settings import reset_settings
from local import postgres

TEMPLATE = "callwatch_template"
# A crash of the machine may take these databases with it; only the machine's crash needs the syncing.
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.RunningPostgres]:
    """An embedded PostgreSQL for the whole run."""
    folder = Path(tempfile.mkdtemp(prefix="callwatch-tests-"))
    # mkdtemp makes it 0700; the server's user, where it is not ours, passes through.
    folder.chmod(0o711)
    running = postgres.start(folder, FAST)
    try:
        yield running
    finally:
        running.stop()
        shutil.rmtree(running.home, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def migrated_template(postgres_server: postgres.RunningPostgres) -> str:
    """Name of a migrated database that others are copied from."""
    _administer(postgres_server, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(TEMPLATE)))
    migrate(dsn_of(postgres_server, TEMPLATE))
    return TEMPLATE


@pytest.fixture
def database(
    postgres_server: postgres.RunningPostgres, migrated_template: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """Connection string of a fresh migrated database, to which DATABASE_URL and the pools point."""
    with _own_database(postgres_server, migrated_template, monkeypatch) as dsn:
        yield dsn


@pytest.fixture
def empty_database(postgres_server: postgres.RunningPostgres, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The same without any schema of ours in it."""
    with _own_database(postgres_server, "template1", monkeypatch) as dsn:
        yield dsn


def dsn_of(server: postgres.RunningPostgres, database: str) -> str:
    """Connection string of one database of the server."""
    return f"{server.dsn.rpartition('/')[0]}/{database}"


@contextlib.contextmanager
def _own_database(server: postgres.RunningPostgres, template: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    name = f"test_{next(_numbers)}"
    made = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
    _administer(server, made)
    dsn = dsn_of(server, name)
    monkeypatch.setenv("DATABASE_URL", dsn)
    monkeypatch.delenv("PRODUCT_DATABASE_URL", raising=False)
    reset_settings()
    reset_pool()
    try:
        yield dsn
    finally:
        reset_pool()
        _administer(server, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
        monkeypatch.undo()
        reset_settings()


def _administer(server: postgres.RunningPostgres, statement: sql.Composable) -> None:
    conn = psycopg2.connect(server.dsn)
    conn.autocommit = True
    with contextlib.closing(conn), conn.cursor() as cursor:
        cursor.execute(statement)
