"""How the demo takes its product away without an alarm: the monitor forgets that it ever saw it."""

import time

from psycopg2 import extensions

from callwatch.db import lock_in_transaction
from simulator.system import LocalSystem

_NOTICED_WITHIN_S = 30.0
_LOOK_EVERY_S = 0.5
# A cycle that measured just before the tables went may end after the one that noticed it.
_SETTLE_S = 3.0
# An instance whose value was known before counts as blind once it is unknown, and many of them are an alert of their own.
_NOTICED = """
    SELECT count(*) FROM callwatch.rule_states
    WHERE (details->>'is_unknown')::boolean AND (details->>'has_seen')::boolean
"""
_FORGET = """
    UPDATE callwatch.rule_states SET details = jsonb_set(details, '{has_seen}', 'false')
    WHERE (details->>'is_unknown')::boolean AND state <> 'firing'
"""


def forget_product(system: LocalSystem, conn: extensions.connection) -> None:
    """Wait until the monitor noticed that the product is gone, and reset what it knew of it: as on a first day."""
    system.cycle()
    deadline = time.monotonic() + _NOTICED_WITHIN_S
    while time.monotonic() < deadline and not _is_noticed(conn):
        time.sleep(_LOOK_EVERY_S)
    time.sleep(_SETTLE_S)
    lock_in_transaction(conn, "evaluate")
    with conn.cursor() as cursor:
        cursor.execute(_FORGET)
    conn.commit()


def _is_noticed(conn: extensions.connection) -> bool:
    with conn.cursor() as cursor:
        cursor.execute(_NOTICED)
        (count,) = cursor.fetchone() or (0,)
    conn.rollback()
    return bool(count)
