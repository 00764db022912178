"""What all tests share: a real PostgreSQL, a fresh database for each test that asks for one."""

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg2
import pytest
from local import postgres

from callwatch.db import reset_pools
from callwatch.db.migrate import migrate
from callwatch.db.partitions import ensure_partitions
from callwatch.settings import VARIABLES, reset_settings

# Tests may lose data on a power cut.
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test sees the settings of the person who runs it, nor those of the test before."""
    for variable in VARIABLES:
        monkeypatch.delenv(variable.name, raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    reset_settings()
    yield
    reset_pools()
    reset_settings()


@pytest.fixture(scope="session")
def short_folder() -> Iterator[Path]:
    """A folder that every user may enter: PostgreSQL runs as another user when the tests run as root."""
    folder = Path(tempfile.mkdtemp(prefix="callwatch test "))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_server(short_folder: Path) -> Iterator[str]:
    """DSN of a real PostgreSQL of our own, or of the server that TEST_DATABASE_URL names."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield given
        return
    server = postgres.start(short_folder / "postgres", FAST)
    yield server.dsn
    server.stop()


@pytest.fixture(scope="session")
def template_database(postgres_server: str) -> str:
    """Name of a migrated database with partitions around now, which others are copied from."""
    name = f"template_{uuid.uuid4().hex[:12]}"
    _administer(postgres_server, f"CREATE DATABASE {name}")
    dsn = dsn_of(postgres_server, name)
    migrate(dsn)
    conn = psycopg2.connect(dsn)
    ensure_partitions(conn, datetime.now(UTC))
    conn.commit()
    conn.close()
    return name


@pytest.fixture
def empty_database(postgres_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """DSN of a database with nothing in it; DATABASE_URL names it."""
    yield from _database(postgres_server, "template0", monkeypatch)


@pytest.fixture
def database(postgres_server: str, template_database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """DSN of a fresh, migrated database; DATABASE_URL names it."""
    yield from _database(postgres_server, template_database, monkeypatch)


def dsn_of(server: str, name: str) -> str:
    """The DSN of another database on the same server."""
    return server.rpartition("/")[0] + "/" + name


def _database(server: str, template: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    name = f"test_{uuid.uuid4().hex[:12]}"
    _administer(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    dsn = dsn_of(server, name)
    monkeypatch.setenv("DATABASE_URL", dsn)
    reset_settings()
    reset_pools()
    yield dsn
    reset_pools()
    _administer(server, f"DROP DATABASE {name} WITH (FORCE)")


def _administer(server: str, statement: str) -> None:
    conn = psycopg2.connect(server)
    conn.autocommit = True
    with conn.cursor() as cursor:
        cursor.execute(statement)
    conn.close()
