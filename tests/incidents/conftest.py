"""A database in which the product lives: each test gets a copy of a healthy week, as it looked at one moment."""

import os
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import psycopg2
import pytest

from callwatch.db import migrate, product_connection, reset_pool
from callwatch.models.facts import Fact
from callwatch.pipeline.facts import product_facts
from callwatch.pipeline.product import measure, of_cycle
from callwatch.pipeline.stage_file import get_stages
from local import product
from tests.conftest import _administer, dsn_of, own_database

# A Wednesday afternoon.
BUSY = datetime.fromisoformat("2031-03-12T14:37:00+00:00")


@pytest.fixture(scope="session")
def product_template(postgres_server: str) -> Iterator[str]:
    """Name of a migrated database with the product's tables, empty."""
    name = f"callwatch_product_template_{os.getpid()}"
    _administer(postgres_server, "CREATE DATABASE {}", name)
    dsn = dsn_of(postgres_server, name)
    migrate(dsn)
    with psycopg2.connect(dsn) as conn:
        product.create_tables(conn)
    conn.close()
    yield name
    _administer(postgres_server, "DROP DATABASE {} WITH (FORCE)", name)


@pytest.fixture(scope="session")
def busy_template(postgres_server: str, product_template: str) -> Iterator[str]:
    """Name of a database with eight healthy days up to BUSY."""
    name = f"callwatch_busy_template_{os.getpid()}"
    _administer(postgres_server, "CREATE DATABASE {} TEMPLATE {}", name, product_template)
    with psycopg2.connect(dsn_of(postgres_server, name)) as conn:
        product.load(conn, BUSY, days=8)
    conn.close()
    yield name
    _administer(postgres_server, "DROP DATABASE {} WITH (FORCE)", name)


@pytest.fixture
def empty_product(postgres_server: str, product_template: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A connection to a database with the product's tables and nothing in them."""
    with own_database(postgres_server, product_template, monkeypatch) as dsn:
        yield from _connected(dsn)


@pytest.fixture
def busy_product(postgres_server: str, busy_template: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A connection to a database with eight healthy days up to BUSY."""
    with own_database(postgres_server, busy_template, monkeypatch) as dsn:
        yield from _connected(dsn)


def _connected(dsn: str) -> Iterator[Any]:
    conn = psycopg2.connect(dsn)
    yield conn
    conn.close()
    reset_pool()


@pytest.fixture
def facts_at() -> Callable[..., list[Fact]]:
    """What the monitor's cycle states of the product at a time."""

    def read(now: datetime, timezone: str = "UTC") -> list[Fact]:
        stages = get_stages(None)
        with product_connection() as conn:
            return product_facts(stages, measure(conn, now, timezone, stages, of_cycle(stages)))

    return read
