"""Recognizes a database that responds but is unusable: it accepts no writes, or not in time."""

import psycopg2

from callwatch.db.core.connect import AnyConnection, extract_first_line, is_saturated
from callwatch.db.core.query import execute, fetch_one
from callwatch.exceptions import DatabaseRefusesWrites, DatabaseSilent, DatabaseUnavailable
from callwatch.models.check import Reason
from callwatch.sqlstates import LIMIT_EXCEEDED, NO_ROOM, REFUSED_WRITE, SERVER_FAILS, SERVER_FAILS_CLASSES

SAYS_READ_ONLY = "the server is read-only"
_SPILL = "SELECT count(*) FROM generate_series(1, 20000)"


def is_failing(error: BaseException) -> bool:
    """Whether the database is at fault, reachable or not, as opposed to our statement."""
    if isinstance(error, DatabaseUnavailable):
        return True
    code = error.pgcode if isinstance(error, psycopg2.Error) else None
    return code is not None and (code in SERVER_FAILS or code.startswith(SERVER_FAILS_CLASSES))


def explain_failure(error: BaseException) -> Reason:
    """Why the database is unusable, in the words of the checks: saturated, timeout, unreachable, or error for everything else."""
    if is_saturated(error):
        return "saturated"
    if isinstance(error, DatabaseSilent):
        return "timeout"
    return "unreachable" if isinstance(error, DatabaseUnavailable) else "error"


def is_refused_write(error: BaseException) -> bool:
    """Whether the server refused a write because it has no space or is read-only."""
    if isinstance(error, DatabaseRefusesWrites):
        return True
    return isinstance(error, psycopg2.Error) and error.pgcode in REFUSED_WRITE


def explain_no_writes(conn: AnyConnection) -> str | None:
    """Why the server accepts no writes, as far as a look shows; None if it accepts them, or if that is unknown.

    A set that exceeds its memory writes some 300 KB to the server's disk and leaves nothing behind. A small row update is no
    proof: it may succeed on a full disk, because its pages exist already. After reading, the caller rolls back, or closes the
    connection as after is_read_only.
    """
    if is_read_only(conn):
        return SAYS_READ_ONLY
    execute(conn, "SAVEPOINT spill")
    try:
        # The caller limits the statement; it takes a few milliseconds.
        execute(conn, "SELECT set_config('work_mem', '64kB', true)")
        execute(conn, _SPILL)
    except psycopg2.Error as error:
        if error.pgcode in NO_ROOM:
            return f"its disk accepts no writes: {extract_first_line(error)}"
        # A host that allows our role no temporary files says nothing about its disk.
        if error.pgcode != LIMIT_EXCEEDED:
            raise
    finally:
        if not conn.closed:
            execute(conn, "ROLLBACK TO SAVEPOINT spill")
    return None


def is_read_only(conn: AnyConnection) -> bool:
    """Whether the server accepts no writes: a standby, or a host whose disk is full.

    After reading, the caller closes the connection: the next one finds the primary if this server is a standby by now.
    """
    return fetch_one(conn, "SHOW transaction_read_only") == {"transaction_read_only": "on"}
