"""What surrounds the demo's product: vendors on loopback that the system asks meanwhile, its past, and errors known for long."""

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from psycopg2 import extensions

from local.lent_settings import VENDOR_VARIABLES
from simulator import scenes
from simulator.clients import MINUTES, RELEASE, REQUESTS_PER_MINUTE, ROUTES
from simulator.history import find_birth, has_history, remove_history, write_history
from simulator.system import LocalSystem

# The table of the product whose comment says that history was written.
_MARKED = "public.transcripts"
_MARK = "callwatch demo: with a history"
_KNOWN_SINCE = timedelta(hours=5)


@contextlib.contextmanager
def lent_vendors(system: LocalSystem) -> Iterator[dict[str, int]]:
    """Let the system ask vendors on loopback; yield the status that each responds with.

    A system whose person configured a vendor asks the real ones; what is yielded then changes nothing.
    """
    with scenes.Vendors() as vendors:
        if not system.list_vendors():
            environ = vendors.build_environ()
            system.set_vendors({name: environ[name] for pair in VENDOR_VARIABLES for name in pair})
        yield vendors.statuses


def give_history(conn: extensions.connection) -> None:
    """Write what the monitor would have recorded of the product before it ran, unless it has something of that time."""
    with conn.cursor() as cursor:
        if not has_history(cursor):
            routes = [(route, float(typical_ms), REQUESTS_PER_MINUTE) for _method, route, typical_ms in ROUTES]
            write_history(cursor, find_birth(cursor) - timedelta(minutes=MINUTES), routes)
            cursor.execute(f"COMMENT ON TABLE {_MARKED} IS %s", (_MARK,))
    conn.commit()


def take_history(conn: extensions.connection) -> None:
    """Remove the history that was written, if it was. The caller commits, before it drops the product's tables."""
    with conn.cursor() as cursor:
        cursor.execute("SELECT obj_description(to_regclass(%s))", (_MARKED,))
        if cursor.fetchone() == (_MARK,):
            remove_history(cursor)


def send_known_errors(system: LocalSystem) -> None:
    """Send errors of some hours ago, and note on their groups that they are known. Raises DemoError."""
    at = (datetime.now(UTC) - _KNOWN_SINCE).isoformat()
    for number, error in enumerate(scenes.ERRORS):
        sent = {**error, "occurred_at": at, "release": RELEASE}
        system.call("/api/errors", [sent] * (3 + 2 * number), token=system.ingest_key)
    messages = {error["message"] for error in scenes.ERRORS}

    def are_known() -> bool:
        found = [group for group in system.get("/api/errors?limit=200")["items"] if group["message"] in messages]
        for group in found:
            if group["state"] == "new":
                system.call(f"/api/errors/{group['id']}/reopen", {"reason": "known, a fix is on its way"})
        return len(found) >= len(messages)

    system.wait_until(are_known, lambda: "the errors that were sent do not arrive")


def resolve_groups(system: LocalSystem, reason: str) -> None:
    """Resolve the groups that are new, as a person does after the repair."""
    for group in system.get("/api/errors?state=new&limit=200")["items"]:
        system.call(f"/api/errors/{group['id']}/resolve", {"reason": reason})
