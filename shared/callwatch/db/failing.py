"""A database that answers and is of no use: it takes nothing, or not in time."""

import psycopg2

from callwatch.db.connect import AnyConnection
from callwatch.db.query import fetch_one
from callwatch.exceptions import DatabaseUnavailable

# Read only (a standby, a full disk at some hosts); a statement that was cancelled in its time-out, or in that of a lock,
# which an owner may have set for our role.
_SQLSTATES = frozenset({"25006", "57014", "55P03"})
# Insufficient resources (a full disk, no memory), errors of the system (I/O), of the server itself (damaged files).
_CLASSES = ("53", "58", "XX")


def is_failing(error: BaseException) -> bool:
    """Whether the database is to blame, unreachable or not, as against a statement of ours."""
    if isinstance(error, DatabaseUnavailable):
        return True
    code = error.pgcode if isinstance(error, psycopg2.Error) else None
    return code is not None and (code in _SQLSTATES or code.startswith(_CLASSES))


def is_read_only(conn: AnyConnection) -> bool:
    """Whether the server takes no writes: a standby, a host whose disk is full. Who has read what it wanted closes the
    connection then: the next one finds the primary, where this one's server is a standby by now."""
    return fetch_one(conn, "SHOW transaction_read_only") == {"transaction_read_only": "on"}
