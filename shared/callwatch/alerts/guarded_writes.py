"""Writes that may fail without aborting the transaction around them."""

from collections.abc import Callable
from typing import TypeVar

import psycopg2

from callwatch.db import execute
from callwatch.db.core.connect import AnyConnection, is_connection_lost
from callwatch.db.core.db_errors import is_failing
from callwatch.exceptions import DatabaseUnavailable, LockUnavailable
from callwatch.sqlstates import BAD_DATA_CLASSES

T = TypeVar("T")


def run_guarded(conn: AnyConnection, write: Callable[[], T]) -> tuple[T | None, Exception | None]:
    """Return the result of `write`, or the error after rolling back its writes.

    Raises errors of the database itself and errors that a retry of the whole transaction may solve.
    """
    execute(conn, "SAVEPOINT guarded")
    try:
        found = write()
    except Exception as error:
        if not is_data_fault(error):
            raise
        execute(conn, "ROLLBACK TO SAVEPOINT guarded")
        execute(conn, "RELEASE SAVEPOINT guarded")
        return None, error
    execute(conn, "RELEASE SAVEPOINT guarded")
    return found, None


def run_isolated(conn: AnyConnection, work: Callable[[], T]) -> tuple[T | None, Exception | None]:
    """Return the result of `work`, or the error after rolling back its writes: for work that may be left out.

    Unlike run_guarded, this also survives a missing table, a locked one, and a statement that took too long. Raises what ends
    the connection.
    """
    execute(conn, "SAVEPOINT isolated")
    try:
        found = work()
    except Exception as error:
        if isinstance(error, DatabaseUnavailable) or is_connection_lost(error):
            raise
        execute(conn, "ROLLBACK TO SAVEPOINT isolated")
        execute(conn, "RELEASE SAVEPOINT isolated")
        return None, error
    execute(conn, "RELEASE SAVEPOINT isolated")
    return found, None


def is_data_fault(error: BaseException) -> bool:
    """Whether an error is caused by the data written, rather than by the database, the schema or another transaction."""
    if is_failing(error) or isinstance(error, LockUnavailable) or is_connection_lost(error):
        return False
    if not isinstance(error, psycopg2.Error):
        return True
    return error.pgcode is None or error.pgcode.startswith(BAD_DATA_CLASSES)
