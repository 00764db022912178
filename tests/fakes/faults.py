"""Faults of a database that goes on answering."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg2

from callwatch.db import reset_pool


@contextmanager
def locked(dsn: str, table: str) -> Iterator[None]:
    """Somebody keeps a table of ours locked for the block."""
    with closing(psycopg2.connect(dsn)) as conn, conn.cursor() as cursor:
        cursor.execute(f"LOCK TABLE callwatch.{table} IN ACCESS EXCLUSIVE MODE")
        yield


@contextmanager
def read_only(dsn: str) -> Iterator[None]:
    """The server takes no writes for the block, as a standby and a host with a full disk do."""

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
