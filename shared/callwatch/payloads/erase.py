"""Makes payloads unreadable in their objects: a blank frame of the same size replaces each, so no other payload moves."""

from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from callwatch.db.core.connect import AnyConnection
from callwatch.db.error_queries.payload_objects import Place, lock_objects
from callwatch.exceptions import FileMissing, FilesUnavailable
from callwatch.file_store import read_file, write_file
from callwatch.payloads.frames import build_blank_frame

_WORKERS = 8


def erase_payloads(conn: AnyConnection, url: str | None, places: Sequence[Place]) -> None:
    """Make payloads unreadable, before the caller deletes their rows. The caller commits; until then the objects are locked.

    Raises FilesUnavailable: then the rows must stay, and so name what is left to erase.
    """
    if not places:
        return
    if url is None:
        raise FilesUnavailable("PAYLOADS_URL is not set: the payloads lie in a store of files")
    by_object: defaultdict[int, list[Place]] = defaultdict(list)
    for place in places:
        by_object[place.object_id].append(place)
    objects = lock_objects(conn, by_object.keys())
    if not objects:
        return
    with ThreadPoolExecutor(min(_WORKERS, len(objects)), thread_name_prefix="payloads") as workers:
        list(workers.map(lambda known: _rewrite(url, known["name"], by_object[known["id"]]), objects))


def _rewrite(url: str, name: str, places: Sequence[Place]) -> None:
    try:
        content = bytearray(read_file(url, name))
    except FileMissing:
        # It is past the bucket's lifecycle.
        return
    for place in places:
        end = place.start + place.size
        if end <= len(content):
            content[place.start : end] = build_blank_frame(place.size)
    write_file(url, name, bytes(content))
