"""How one connection to PostgreSQL is opened, and how a lost one is told from a failed statement."""

import select
import time
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2 import extensions

from callwatch.db.watchdog import WatchedCursor, within_its_time
from callwatch.exceptions import DatabaseRefused, DatabaseSilent, DatabaseUnavailable

CONNECT_TIMEOUT_S = 3
OLDEST_MAJOR = 14
RDS_ROOTS = Path(__file__).with_name("rds-ca.pem")
# Found by the kernel within 30 + 3 x 10 s when the other end vanished without a word; unanswered data sooner.
_KEEPALIVE: dict[str, Any] = {"keepalives": 1, "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
_UNANSWERED_MS = 10_000
# The server shuts down, crashed, starts up, or closed an idle session.
_LOST_SQLSTATES = frozenset({"57P01", "57P02", "57P03", "57P05", "25P03"})


AnyConnection = extensions.connection


class Connection(extensions.connection):
    """A psycopg2 connection that gives each of its transactions the settings of `transaction_settings`.

    They are set with SET LOCAL, so that no pooler between us and the server can hand them on to a
    session of somebody else. answer_within_s: how long a statement or a commit may take
    before its connection is ended.
    """

    transaction_settings: dict[str, str]
    answer_within_s: float | None

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.transaction_settings = {}
        self.answer_within_s = None

    def cursor(self, *arguments: Any, **options: Any) -> Any:
        """A cursor; the first one of a transaction applies the settings."""
        is_idle = self.get_transaction_status() == extensions.TRANSACTION_STATUS_IDLE
        if self.transaction_settings and is_idle and not self.autocommit:
            assignments = [f"set_config('{name}', %s, true)" for name in self.transaction_settings]
            with super().cursor() as cursor:
                cursor.execute("SELECT " + ", ".join(assignments), list(self.transaction_settings.values()))
        return super().cursor(*arguments, **options)

    def commit(self) -> None:
        """As of any connection."""
        with within_its_time(self):
            super().commit()


# Until when (on the monotonic clock) a server is not asked again that let an attempt run into its time-out: an
# answer that reads several times would wait for each of them.
_silent_until: dict[str, float] = {}
_SILENT_S = 1.0


def open_connection(dsn: str) -> Connection:
    """A new connection in UTC, without autocommit. Raises DatabaseUnavailable where it cannot be had in time."""
    started = time.monotonic()
    if started < _silent_until.get(dsn, 0.0):
        raise DatabaseSilent("the server did not answer a moment ago")
    try:
        conn: Connection = psycopg2.connect(
            dsn,
            connection_factory=Connection,
            cursor_factory=WatchedCursor,
            connect_timeout=CONNECT_TIMEOUT_S,
            application_name="callwatch",
            tcp_user_timeout=_UNANSWERED_MS,
            **_KEEPALIVE,
            **trusted_roots(dsn),
        )
        if conn.get_parameter_status("TimeZone") not in ("UTC", "Etc/UTC"):
            with conn, conn.cursor() as cursor:
                cursor.execute("SET TIME ZONE 'UTC'")
    except psycopg2.OperationalError as error:
        # libpq counts whole seconds of the clock on the wall, so it may give up almost one too early.
        if time.monotonic() - started > CONNECT_TIMEOUT_S - 1.1:
            _silent_until[dsn] = time.monotonic() + _SILENT_S
            raise DatabaseSilent(first_line(error)) from error
        # An error of the start has no SQLSTATE in psycopg2, only its words.
        refused = "password authentication failed" in str(error)
        raise (DatabaseRefused if refused else DatabaseUnavailable)(first_line(error)) from error
    except psycopg2.ProgrammingError as error:
        # libpq's words about a connection string it cannot read quote that string, password and all.
        raise DatabaseUnavailable("the connection string cannot be read") from error.with_traceback(None)
    return conn


def trusted_roots(dsn: str) -> dict[str, Any]:
    """{"sslrootcert": file} for a connection that verifies the server and names no roots itself; else nothing.

    Amazon's databases are signed by roots of Amazon's own, which come with this package; others by public ones.
    Raises psycopg2.ProgrammingError for a connection string that cannot be read.
    """
    given = extensions.parse_dsn(dsn)
    if given.get("sslmode") not in ("verify-ca", "verify-full") or "sslrootcert" in given:
        return {}
    if str(given.get("host", "")).endswith((".rds.amazonaws.com", ".rds.amazonaws.com.cn")):
        return {"sslrootcert": str(RDS_ROOTS)}
    import certifi

    return {"sslrootcert": certifi.where()}


def has_hung_up(conn: AnyConnection) -> bool:
    """Whether the server ended this session, as far as it can be known without asking it.

    A server has nothing to say while it is not asked: what is there to read is its farewell, the end of
    the stream, or (rarely) news of a changed setting, which libpq takes in.
    """
    try:
        waiting = select.poll()
        waiting.register(conn.fileno(), select.POLLIN)
        while waiting.poll(0):
            conn.poll()
    except (psycopg2.Error, OSError):
        return True
    return bool(conn.closed)


def is_connection_lost(error: BaseException) -> bool:
    """Whether the session is gone, as against a statement that failed in it."""
    if not isinstance(error, psycopg2.Error):
        return False
    if error.cursor is not None and error.cursor.connection.closed:
        return True
    code = error.pgcode
    if code is not None:
        return code.startswith("08") or code in _LOST_SQLSTATES
    is_closed = isinstance(error, psycopg2.InterfaceError) and "connection" in str(error)
    return is_closed or isinstance(error, psycopg2.OperationalError)


def first_line(error: BaseException) -> str:
    """What a log or a message may say of an error: its first line, or its class where it has no words."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
