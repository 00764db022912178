"""How the demo takes its product away without an alarm: the monitor forgets that it ever saw it."""

import contextlib
import time
import uuid
from collections.abc import Iterator

from psycopg2 import extensions

from callwatch.db import lock_in_transaction
from callwatch.db.core.lease import acquire_lease, release_lease
from callwatch.monitor.cycle import LEASE, LEASE_TTL_S
from simulator.system import LocalSystem

_NOTICED_WITHIN_S = 30.0
_CYCLE_ENDS_WITHIN_S = 60.0
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


@contextlib.contextmanager
def paused_monitor(conn: extensions.connection) -> Iterator[None]:
    """Let no cycle run meanwhile: one that read the tables before they went would remember them afterwards."""
    holder = uuid.uuid4().hex
    deadline = time.monotonic() + _CYCLE_ENDS_WITHIN_S
    while not acquire_lease(conn, LEASE, holder, LEASE_TTL_S) and time.monotonic() < deadline:
        conn.commit()
        time.sleep(_LOOK_EVERY_S)
    conn.commit()
    try:
        yield
    finally:
        release_lease(conn, LEASE, holder)
        conn.commit()


def forget_readings(conn: extensions.connection) -> None:
    """Make the monitor miss no figure of the product. The caller commits, together with what takes the product away."""
    with conn.cursor() as cursor:
        cursor.execute("DELETE FROM callwatch.known_readings")


def forget_product(system: LocalSystem, conn: extensions.connection) -> None:
    """Wait until the monitor noticed that the product is gone, and reset what it knew of it: as on a first day."""
    system.run_cycle()
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
