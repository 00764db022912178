"""What is left on the accounts of vendors: each reading, and why the last one gave none."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, TypedDict

from psycopg2.extras import Json

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import execute, fetch_all, fetch_one
from callwatch.db.core.values import execute_rows

KEPT = timedelta(days=30)
_PROBLEM = "UPDATE callwatch.vendor_balance_reads SET problem = %s WHERE service = %s"
_INSERT = "INSERT INTO callwatch.vendor_balances (service, project, at, usd) VALUES %s ON CONFLICT DO NOTHING"
_LIST = "SELECT project, at, usd FROM callwatch.vendor_balances WHERE service = %s AND at >= %s ORDER BY project, at"


class BalanceRow(TypedDict):
    """What was left of a project's balance at a time."""

    project: str
    at: datetime
    usd: Decimal


class LastReading(TypedDict):
    """The last time that a vendor was asked. problem: why it gave no balance."""

    problem: dict[str, Any] | None


def keep_reading(
    conn: AnyConnection, service: str, at: datetime, usd: Mapping[str, Decimal], problem: Mapping[str, str] | None
) -> None:
    """Store what is left by project, or why that is unknown. The caller commits."""
    execute(conn, _PROBLEM, (Json(dict(problem)) if problem else None, service))
    execute_rows(conn, _INSERT, [(service, project, at, left) for project, left in sorted(usd.items())])


def list_balances(conn: AnyConnection, service: str, since: datetime) -> list[BalanceRow]:
    """The readings since a time, by project, oldest first."""
    return fetch_all(conn, _LIST, (service, since), BalanceRow)


def find_reading(conn: AnyConnection, service: str) -> LastReading | None:
    """The last reading of a vendor; None if it was never asked."""
    return fetch_one(conn, "SELECT problem FROM callwatch.vendor_balance_reads WHERE service = %s", (service,), LastReading)


def delete_balances_before(conn: AnyConnection, before: datetime) -> None:
    """Delete old readings. The caller commits."""
    execute(conn, "DELETE FROM callwatch.vendor_balances WHERE at < %s", (before,))
