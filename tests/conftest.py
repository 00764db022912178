"""What all tests share: a clean environment, a real PostgreSQL, and in it a database of the test's own."""

import contextlib
import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from hypothesis import HealthCheck, settings
from psycopg2 import sql
from xdist.scheduler import LoadFileScheduling

from callwatch.alerts.issues import MISSED
from callwatch.alerts.outage import MEMORY
from callwatch.db import migrate, reset_pool
from callwatch.settings import VARIABLES, reset_settings
from callwatch.tracker import capture, error_tracker
from local import postgres

# A crash of the machine may take these databases with it; nothing less does.
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}

# How fast the machine is says nothing about the code.
settings.register_profile("callwatch", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("callwatch")

_numbers = itertools.count(1)


class _ByFile(LoadFileScheduling):  # type: ignore[misc]  # xdist comes without types
    """Files side by side, each whole in one process; all tests of a deployment in one, as they share a cloud."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return "tests/deploy" if file.startswith("tests/deploy/") else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> _ByFile:
    """How tests are dealt out to the processes of `-n`."""
    return _ByFile(config, log)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test sees the settings of the person who runs it, nor those of the test before."""
    for variable in VARIABLES:
        monkeypatch.delenv(variable.name, raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    # Nothing that a test captured is sent during another one, or at the end.
    monkeypatch.setattr(capture, "LINGER_S", 600.0)
    reset_settings()
    yield
    error_tracker._buffer._begin_anew()
    reset_pool()
    reset_settings()


@pytest.fixture(scope="session", autouse=True)
def _own_memory(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What is remembered without a database is this run's own, whatever else runs on the machine."""
    folder = tmp_path_factory.mktemp("memory")
    for memory in (MEMORY, MISSED):
        memory.file = folder / memory.file.name


@pytest.fixture(scope="session")
def short_folder() -> Iterator[Path]:
    """A folder that every user may enter: PostgreSQL runs as another user when the tests run as root."""
    folder = Path(tempfile.mkdtemp(prefix="callwatch test "))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_server(short_folder: Path) -> Iterator[str]:
    """Connection string of an embedded PostgreSQL for the whole run, or of the server in TEST_DATABASE_URL."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield given
        return
    server = postgres.start(short_folder / "data", FAST)
    yield server.dsn
    server.stop()
    shutil.rmtree(server.home, ignore_errors=True)


@pytest.fixture(scope="session")
def migrated_template(postgres_server: str) -> Iterator[str]:
    """Name of a migrated database that others are copied from."""
    name = f"callwatch_template_{os.getpid()}"
    _administer(postgres_server, "CREATE DATABASE {}", name)
    migrate(dsn_of(postgres_server, name))
    yield name
    _administer(postgres_server, "DROP DATABASE {} WITH (FORCE)", name)


@pytest.fixture
def database(postgres_server: str, migrated_template: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Connection string of a fresh migrated database, to which DATABASE_URL and the pools point."""
    with own_database(postgres_server, migrated_template, monkeypatch) as dsn:
        yield dsn


@pytest.fixture
def empty_database(postgres_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The same with nothing in it."""
    with own_database(postgres_server, "template0", monkeypatch) as dsn:
        yield dsn


@contextlib.contextmanager
def own_database(server: str, template: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A database copied from a template, for as long as the `with` block lasts."""
    name = f"callwatch_test_{os.getpid()}_{next(_numbers)}"
    _administer(server, "CREATE DATABASE {} TEMPLATE {}", name, template)
    dsn = dsn_of(server, name)
    monkeypatch.setenv("DATABASE_URL", dsn)
    reset_settings()
    reset_pool()
    try:
        yield dsn
    finally:
        reset_pool()
        _administer(server, "DROP DATABASE {} WITH (FORCE)", name)


def dsn_of(server: str, database: str) -> str:
    """Connection string of another database of the same server."""
    return f"{server.rpartition('/')[0]}/{database}"


def _administer(server: str, statement: str, *names: str) -> None:
    conn = psycopg2.connect(server)
    conn.autocommit = True
    with contextlib.closing(conn), conn.cursor() as cursor:
        cursor.execute(sql.SQL(statement).format(*(sql.Identifier(name) for name in names)))
