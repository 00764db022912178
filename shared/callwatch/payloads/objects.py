"""Writes the objects of a batch before its occurrences are committed, and removes those whose commit never came.

An object is announced by a row that says so, in a transaction of its own, before it is written. The transaction that commits the
occurrences marks the row. So an object without a commit is always known, and nothing has to be listed to find it. Marking a row
that the sweep has deleted fails, and the batch begins again.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import uuid4

from callwatch.db import with_transaction
from callwatch.db.archive_queries.payload_objects import Place, add_objects, delete_objects, lock_unstored
from callwatch.db.core.connect import AnyConnection
from callwatch.exceptions import FilesUnavailable
from callwatch.file_store import add_file, remove_file, write_file
from callwatch.payloads.frames import pack_lines
from callwatch.payloads.members import build_filter

# No digest lives longer than a minute.
SAFE_AGE = timedelta(hours=1)
_SWEPT_AT_ONCE = 50
_WRITERS = 8
# Next to the folders of the days, so that no reader takes it for an object.
_PROBE = "probe"


@dataclass(frozen=True, slots=True)
class Entry:
    """A line that is to be kept in the object of its day and project."""

    day: date
    project_id: int
    line: bytes
    # What the line is found by once its row is gone: the event's id, the user's hash.
    members: tuple[str, ...]


def write_objects(url: str, entries: Sequence[Entry]) -> list[Place]:
    """Write one object for each day and project; returns the place of each entry once all are durable.

    Raises FilesUnavailable, DatabaseUnavailable. What was written by then is swept.
    """
    if not entries:
        return []
    scopes = sorted({(entry.day, entry.project_id) for entry in entries})
    names = [f"day={day:%Y-%m-%d}/{project_id}-{uuid4().hex}.jsonl.zst" for day, project_id in scopes]
    members: dict[tuple[date, int], set[str]] = {scope: set() for scope in scopes}
    for entry in entries:
        members[entry.day, entry.project_id].update(entry.members)
    rows = [(*scope, name, build_filter(members[scope])) for scope, name in zip(scopes, names, strict=True)]
    # Announced twice after a lost connection, it is swept once more.
    ids = with_transaction(lambda conn: add_objects(conn, rows), is_idempotent=True)
    object_ids = dict(zip(scopes, ids, strict=True))
    contents = {scope: bytearray() for scope in scopes}
    places = []
    for entry, frame in zip(entries, pack_lines(entry.line for entry in entries), strict=True):
        content = contents[entry.day, entry.project_id]
        places.append(Place(object_ids[entry.day, entry.project_id], len(content), len(frame)))
        content += frame
    with ThreadPoolExecutor(min(_WRITERS, len(scopes)), thread_name_prefix="payloads") as writers:
        list(writers.map(_write, [url] * len(names), names, [bytes(contents[scope]) for scope in scopes]))
    return places


def sweep_objects(conn: AnyConnection, url: str | None) -> int:
    """Remove some of the objects whose occurrences were never committed; returns how many. The caller commits.

    Raises FilesUnavailable: then the objects stay known.
    """
    orphans = lock_unstored(conn, SAFE_AGE, _SWEPT_AT_ONCE) if url else []
    for orphan in orphans:
        remove_file(str(url), orphan["name"])
    if orphans:
        delete_objects(conn, [orphan["id"] for orphan in orphans])
    return len(orphans)


def ask_store(url: str) -> None:
    """Check that the store accepts files. Raises FilesUnavailable."""
    write_file(url, _PROBE, b"")


def _write(url: str, name: str, content: bytes) -> None:
    if not add_file(url, name, content):
        raise FilesUnavailable("the store of payloads has a file under a name that was just made")
