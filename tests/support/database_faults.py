"""Faults of a database that still responds."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg2

from callwatch.db import reset_pool


@contextmanager
def locked(dsn: str, table: str) -> Iterator[None]:
    """Keep a table of ours locked during the block."""
    with closing(psycopg2.connect(dsn)) as conn, conn.cursor() as cursor:
        cursor.execute(f"LOCK TABLE callwatch.{table} IN ACCESS EXCLUSIVE MODE")
        yield


@contextmanager
def read_only(dsn: str) -> Iterator[None]:
    """Make the server reject writes during the block, as a standby or a host with a full disk does."""

    def switch(word: str) -> None:
        with closing(psycopg2.connect(dsn, options="-c default_transaction_read_only=off")) as conn, conn.cursor() as cursor:
            cursor.execute(f"ALTER DATABASE {conn.info.dbname} SET default_transaction_read_only = {word}")
            conn.commit()
        reset_pool()

    switch("on")
    try:
        yield
    finally:
        switch("off")
