"""Shared by all tests: a clean environment, a real PostgreSQL, and a database per test."""

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

from callwatch.alerts.outage import memory
from callwatch.alerts.outage.issues import MISSED
from callwatch.alerts.routing.known_routes import KNOWN
from callwatch.client import capture
from callwatch.db import migrate, reset_pool
from callwatch.runtime.refusals import refusals
from callwatch.settings import VARIABLES, reset_settings
from callwatch.tracker import error_tracker
from local.postgres import server as postgres
from tests.support.memory_folder import use_memory_folder
from tests.support.monitor_cycles import MONITOR, Monitor
from tests.support.scheduling import ByFile, sort_items

use_memory_folder()

# Only a crash of the machine can lose these databases, and only this run knows their passwords.
FAST = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "file_copy_method": "clone",
    "scram_iterations": "1",
}

# The speed of the machine says nothing about the code.
settings.register_profile("callwatch", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("callwatch")

_numbers = itertools.count(1)
_admins: dict[tuple[str, int], "psycopg2.extensions.connection"] = {}


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    """Choose how `-n` distributes tests over its processes."""
    return ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Choose the order of the tests."""
    sort_items(items)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Note for `make retest` how the run ended."""
    cache = getattr(session.config, "cache", None)
    if cache and not hasattr(session.config, "workerinput"):
        cache.set("callwatch/status", int(exitstatus))


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hide the settings of the developer and of earlier tests."""
    for variable in VARIABLES:
        monkeypatch.delenv(variable.name, raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    # Errors captured by one test are not sent during another, or at exit.
    monkeypatch.setattr(capture, "LINGER_S", 600.0)
    reset_settings()
    yield
    # What one test captured, suppressed or refused is not reported by the next.
    error_tracker._buffer._restart_after_fork()
    error_tracker._restart_after_fork()
    refusals.__init__()  # type: ignore[misc]
    reset_pool()
    reset_settings()


@pytest.fixture(scope="session", autouse=True)
def _own_memory(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep state outside the database private to this run."""
    memory.FOLDER = tmp_path_factory.mktemp("memory")
    for each in (MISSED, KNOWN):
        each.file = memory.FOLDER / each.file.name
    # From here on, its files are in that folder too.
    MONITOR.restart()


@pytest.fixture(autouse=True)
def monitor(_own_memory: None) -> Monitor:
    """Return the monitor of the test, which remembers nothing yet."""
    MONITOR.forget()
    for each in (MISSED, KNOWN):
        each.file.unlink(missing_ok=True)
        each.forget_process()
    return MONITOR


@pytest.fixture(scope="session")
def short_folder() -> Iterator[Path]:
    """Yield a folder that every user can enter: as root, PostgreSQL runs as another user."""
    folder = Path(tempfile.mkdtemp(prefix="callwatch test "))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_server(short_folder: Path) -> Iterator[str]:
    """Yield the DSN of an embedded PostgreSQL for the whole run, or of the server in TEST_DATABASE_URL."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield given
        return
    server = postgres.start(short_folder / "data", FAST)
    # Each connection of the run derives a key from the password: at initdb's 4,096 iterations, 4 ms of a processor.
    with contextlib.closing(psycopg2.connect(server.dsn)) as conn, conn, conn.cursor() as cursor:
        password = conn.info.password
        cursor.execute("ALTER ROLE CURRENT_USER PASSWORD %s", (password,))
    yield server.dsn
    server.stop()
    shutil.rmtree(server.home, ignore_errors=True)


@pytest.fixture(scope="session")
def migrated_template(postgres_server: str) -> Iterator[str]:
    """Yield the name of a migrated database to copy."""
    name = f"callwatch_template_{os.getpid()}"
    _administer(postgres_server, "CREATE DATABASE {}", name)
    migrate(build_dsn(postgres_server, name))
    yield name
    _administer(postgres_server, "DROP DATABASE {} WITH (FORCE)", name)


@pytest.fixture
def database(postgres_server: str, migrated_template: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Yield the DSN of a fresh migrated database; DATABASE_URL and the pools point to it."""
    with own_database(postgres_server, migrated_template, monkeypatch) as dsn:
        yield dsn


@pytest.fixture
def empty_database(postgres_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Yield the same without any tables."""
    with own_database(postgres_server, "template0", monkeypatch) as dsn:
        yield dsn


@contextlib.contextmanager
def own_database(server: str, template: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Copy a template to a new database for the `with` block."""
    name = f"callwatch_test_{os.getpid()}_{next(_numbers)}"
    copy_database(server, name, template)
    dsn = build_dsn(server, name)
    monkeypatch.setenv("DATABASE_URL", dsn)
    reset_settings()
    reset_pool()
    try:
        yield dsn
    finally:
        reset_pool()
        _administer(server, "DROP DATABASE {} WITH (FORCE)", name)


def copy_database(server: str, name: str, template: str) -> None:
    """Create a database as a copy of another one."""
    # Copying files skips the log of all pages, the default since PostgreSQL 15; older servers know no other way.
    strategy = " STRATEGY FILE_COPY" if _connect_admin(server).info.server_version >= 150000 else ""
    _administer(server, f"CREATE DATABASE {{}} TEMPLATE {{}}{strategy}", name, template)


def build_dsn(server: str, database: str) -> str:
    """Return the DSN of another database of the same server."""
    return f"{server.rpartition('/')[0]}/{database}"


def _administer(server: str, statement: str, *names: str) -> None:
    with _connect_admin(server).cursor() as cursor:
        cursor.execute(sql.SQL(statement).format(*(sql.Identifier(name) for name in names)))


def _connect_admin(server: str) -> "psycopg2.extensions.connection":
    """Return the connection of this process for creating and dropping databases: a new one costs 10 ms of a processor."""
    known = _admins.get((server, os.getpid()))
    if known is None or known.closed:
        known = _admins[server, os.getpid()] = psycopg2.connect(server)
        known.autocommit = True
    return known
