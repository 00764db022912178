"""A database with the product: each test gets a copy of a healthy week, as of one moment."""

import os
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import psycopg2
import pytest

from callwatch.db import migrate, product_connection, reset_pool
from callwatch.models.sample import Sample
from callwatch.pipeline.product import measure, select_for_cycle
from callwatch.pipeline.queries import query_runner
from callwatch.pipeline.samples import list_product_samples
from callwatch.pipeline.stage_file import get_stages
from simulator import product
from tests.conftest import _administer, build_dsn, copy_database, own_database

# A Wednesday afternoon.
BUSY = datetime.fromisoformat("2031-03-12T14:37:00+00:00")


@pytest.fixture(scope="session")
def product_template(postgres_server: str) -> Iterator[str]:
    """Yield the name of a migrated database with the product's tables, empty."""
    name = f"callwatch_product_template_{os.getpid()}"
    _administer(postgres_server, "CREATE DATABASE {}", name)
    dsn = build_dsn(postgres_server, name)
    migrate(dsn)
    with psycopg2.connect(dsn) as conn:
        product.create_tables(conn)
    conn.close()
    yield name
    _administer(postgres_server, "DROP DATABASE {} WITH (FORCE)", name)


@pytest.fixture(scope="session")
def busy_template(postgres_server: str, product_template: str) -> Iterator[str]:
    """Yield the name of a database with eight healthy days up to BUSY."""
    name = f"callwatch_busy_template_{os.getpid()}"
    copy_database(postgres_server, name, product_template)
    with psycopg2.connect(build_dsn(postgres_server, name)) as conn:
        product.load(conn, BUSY, days=8)
    conn.close()
    yield name
    _administer(postgres_server, "DROP DATABASE {} WITH (FORCE)", name)


@pytest.fixture
def empty_product(postgres_server: str, product_template: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Yield a connection to a database with the product's empty tables."""
    with own_database(postgres_server, product_template, monkeypatch) as dsn:
        yield from _connected(dsn)


@pytest.fixture
def busy_product(postgres_server: str, busy_template: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Yield a connection to a database with eight healthy days up to BUSY."""
    with own_database(postgres_server, busy_template, monkeypatch) as dsn:
        yield from _connected(dsn)


def _connected(dsn: str) -> Iterator[Any]:
    conn = psycopg2.connect(dsn)
    yield conn
    conn.close()
    reset_pool()


@pytest.fixture
def facts_at(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Sample]]:
    """Return the samples of the product that the monitor's cycle takes at a time.

    Without its limits of time: a figure that a busy machine reads too slowly is unknown, which is another fault.
    """
    monkeypatch.setattr(query_runner, "_LOCK_TIMEOUT_MS", 60_000)

    def read(now: datetime, timezone: str = "UTC") -> list[Sample]:
        stages = get_stages(None)
        with product_connection(statement_timeout_ms=60_000) as conn:
            return list_product_samples(stages, measure(conn, now, timezone, stages, select_for_cycle(stages), 120.0))

    return read
