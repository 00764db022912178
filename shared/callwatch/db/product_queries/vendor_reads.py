"""When each vendor was asked last: for its balance, and for its status page."""

from datetime import datetime, timedelta
from typing import Literal

from psycopg2 import sql

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import execute

Register = Literal["vendor_balance_reads", "vendor_pages"]
_CLAIM = """
    INSERT INTO callwatch.{register} AS known (service, asked_at) VALUES (%(service)s, %(now)s)
    ON CONFLICT (service) DO UPDATE SET asked_at = EXCLUDED.asked_at
    WHERE known.asked_at <= %(before)s OR known.asked_at > %(now)s
"""


def claim_read(conn: AnyConnection, register: Register, service: str, now: datetime, every: timedelta) -> bool:
    """Whether a vendor is to be asked now: nobody asked it for this long. Of several monitors one claims it.

    The caller commits before it asks.
    """
    statement = sql.SQL(_CLAIM).format(register=sql.Identifier(register))
    return execute(conn, statement, {"service": service, "now": now, "before": now - every}) == 1
