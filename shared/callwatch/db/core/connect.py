"""Opens one connection to PostgreSQL, and distinguishes a lost connection from a failed statement."""

import re
import select
import time
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2 import extensions

from callwatch.db.connections.watchdog import WatchedCursor, within_its_time
from callwatch.exceptions import DatabaseRefused, DatabaseSaturated, DatabaseSilent, DatabaseUnavailable
from callwatch.sqlstates import SATURATED, SESSION_LOST, SESSION_LOST_CLASS

CONNECT_TIMEOUT_S = 3
OLDEST_MAJOR = 14
RDS_ROOTS = Path(__file__).with_name("rds-ca.pem")
# The kernel detects a vanished peer within 30 + 3 x 10 s, and unacknowledged data sooner.
_KEEPALIVE: dict[str, Any] = {"keepalives": 1, "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
_UNANSWERED_MS = 10_000
# psycopg2 gives no SQLSTATE for an error at startup, only words: those of PostgreSQL, PgBouncer, Supavisor, RDS Proxy.
_SATURATED_WORDS = re.compile(
    r"too many (clients|connections)|connection slots are reserved|no more connections allowed"
    r"|max client connections reached|MaxClients|acquire (a |the )?database connection",
    re.IGNORECASE,
)
_REFUSED_WORDS = "password authentication failed"


AnyConnection = extensions.connection


class Connection(extensions.connection):
    """A psycopg2 connection that gives each of its transactions the settings of `transaction_settings`.

    SET LOCAL sets them, so that a pooler between us and the server cannot pass them on to another client's session.
    answer_within_s: how long a statement or a commit may take before the connection is ended.
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
        """Commit, as on any connection."""
        with within_its_time(self):
            super().commit()


# The time (on the monotonic clock) until which a server is not tried again after a connection attempt timed out: a request that
# reads several times would wait for each attempt.
_silent_until: dict[str, float] = {}
_SILENT_S = 1.0


def open_connection(dsn: str) -> Connection:
    """A new connection in UTC, without autocommit. Raises DatabaseUnavailable if there is none in time."""
    started = time.monotonic()
    if started < _silent_until.get(dsn, 0.0):
        raise DatabaseSilent("the server did not respond a moment ago")
    try:
        conn: Connection = psycopg2.connect(
            dsn,
            connection_factory=Connection,
            cursor_factory=WatchedCursor,
            connect_timeout=CONNECT_TIMEOUT_S,
            application_name="callwatch",
            tcp_user_timeout=_UNANSWERED_MS,
            **_KEEPALIVE,
            **find_trusted_roots(dsn),
        )
        if conn.get_parameter_status("TimeZone") not in ("UTC", "Etc/UTC"):
            with conn, conn.cursor() as cursor:
                cursor.execute("SET TIME ZONE 'UTC'")
    except psycopg2.OperationalError as error:
        # libpq counts whole seconds of the wall clock, so it may give up almost one second too early.
        if time.monotonic() - started > CONNECT_TIMEOUT_S - 1.1:
            _silent_until[dsn] = time.monotonic() + _SILENT_S
            raise DatabaseSilent(extract_first_line(error)) from error
        raise _classify_startup_error(error)(extract_first_line(error)) from error
    except psycopg2.ProgrammingError as error:
        # libpq's message about a connection string that it cannot parse quotes that string with its password.
        raise DatabaseUnavailable("the connection string cannot be read") from error.with_traceback(None)
    return conn


def find_trusted_roots(dsn: str) -> dict[str, Any]:
    """{"sslrootcert": file} for a connection that verifies the server and names no roots itself; else empty.

    Amazon's databases are signed by Amazon's own roots, which this package contains; others by public ones. Raises
    psycopg2.ProgrammingError for a connection string that cannot be parsed.
    """
    given = extensions.parse_dsn(dsn)
    if given.get("sslmode") not in ("verify-ca", "verify-full") or "sslrootcert" in given:
        return {}
    host = str(given.get("host", ""))
    # The certificate of an RDS Proxy is signed by a public root.
    if host.endswith((".rds.amazonaws.com", ".rds.amazonaws.com.cn")) and ".proxy-" not in host:
        return {"sslrootcert": str(RDS_ROOTS)}
    import certifi

    return {"sslrootcert": certifi.where()}


def has_hung_up(conn: AnyConnection) -> bool:
    """Whether the server ended this session, as far as is known without a query.

    A server sends nothing unless it is queried: anything that can be read is its last message, the end of the stream, or
    (rarely) news of a changed setting, which libpq processes.
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
    """Whether the session is lost, as opposed to a statement that failed in it."""
    if not isinstance(error, psycopg2.Error):
        return False
    if error.cursor is not None and error.cursor.connection.closed:
        return True
    code = error.pgcode
    if code is not None:
        return code.startswith(SESSION_LOST_CLASS) or code in SESSION_LOST
    is_closed = isinstance(error, psycopg2.InterfaceError) and "connection" in str(error)
    return is_closed or isinstance(error, psycopg2.OperationalError)


def is_saturated(error: BaseException) -> bool:
    """Whether the server has no connection (or other configured resource) left for us, as opposed to being down."""
    return isinstance(error, DatabaseSaturated) or (isinstance(error, psycopg2.Error) and error.pgcode in SATURATED)


def _classify_startup_error(error: psycopg2.OperationalError) -> type[DatabaseUnavailable]:
    words = str(error)
    if _REFUSED_WORDS in words:
        return DatabaseRefused
    return DatabaseSaturated if _SATURATED_WORDS.search(words) else DatabaseUnavailable


def extract_first_line(error: BaseException) -> str:
    """The part of an error that a log or a message may show: its first line, or its class if it has no text."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
