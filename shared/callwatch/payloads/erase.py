"""Makes payloads unreadable in their objects: a blank frame of the same size replaces each, so no other payload moves."""

import logging
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from callwatch.db.archive_queries.payload_objects import Place, lock_objects
from callwatch.db.core.connect import AnyConnection
from callwatch.exceptions import FileMissing, FilesUnavailable
from callwatch.file_store import read_file, write_file
from callwatch.payloads.frames import build_blank_frame, is_blank, iterate_frames, unpack_line
from callwatch.payloads.lines import parse_line

_WORKERS = 8
_NOT_SET = "PAYLOADS_URL is not set: the payloads lie in a store of files"
_log = logging.getLogger(__name__)


def erase_payloads(conn: AnyConnection, url: str | None, places: Sequence[Place], user_hash: str | None = None) -> set[Place]:
    """Make payloads unreadable, before the caller deletes their rows. The caller commits; until then the objects are locked.

    user_hash: leave payloads of other users alone, and return their places. What cannot be read, or is erased already, is not
    known to be another's.

    Raises FilesUnavailable: then the rows must stay, and so name what is left to erase.
    """
    if not places:
        return set()
    if url is None:
        raise FilesUnavailable(_NOT_SET)
    by_object: defaultdict[int, list[Place]] = defaultdict(list)
    for place in places:
        by_object[place.object_id].append(place)
    objects = lock_objects(conn, by_object.keys())
    if not objects:
        return set()
    with ThreadPoolExecutor(min(_WORKERS, len(objects)), thread_name_prefix="payloads") as workers:
        others = workers.map(lambda known: _rewrite(url, known["name"], by_object[known["id"]], user_hash), objects)
        return {place for found in others for place in found}


def erase_lines(
    conn: AnyConnection, url: str | None, object_id: int, is_meant: Callable[[Mapping[str, object]], bool]
) -> list[Mapping[str, object]]:
    """Make the lines of an object unreadable that are meant, and return their fields; no row is needed to find them.

    The object is locked until the caller commits. Raises FilesUnavailable.
    """
    if url is None:
        raise FilesUnavailable(_NOT_SET)
    known = lock_objects(conn, [object_id])
    try:
        content = bytearray(read_file(url, known[0]["name"])) if known else bytearray()
    except FileMissing:
        # It is past the bucket's lifecycle.
        return []
    erased = []
    try:
        for start, size, line in iterate_frames(bytes(content)):
            fields = {} if is_blank(line) else parse_line(line).fields
            if fields and is_meant(fields):
                erased.append(fields)
                content[start : start + size] = build_blank_frame(size)
    except ValueError as error:
        _log.warning("an object in the store of payloads is damaged: %s", error, extra={"object": known[0]["name"]})
    if erased:
        write_file(url, known[0]["name"], bytes(content))
    return erased


def _rewrite(url: str, name: str, places: Sequence[Place], user_hash: str | None) -> list[Place]:
    try:
        content = bytearray(read_file(url, name))
    except FileMissing:
        # It is past the bucket's lifecycle.
        return []
    others: list[Place] = []
    for place in places:
        end = place.start + place.size
        if end > len(content):
            continue
        if user_hash is not None and _is_of_another(bytes(content[place.start : end]), user_hash):
            others.append(place)
        else:
            content[place.start : end] = build_blank_frame(place.size)
    if len(others) < len(places):
        write_file(url, name, bytes(content))
    return others


def _is_of_another(frame: bytes, user_hash: str) -> bool:
    try:
        line = unpack_line(frame)
        return not is_blank(line) and parse_line(line).fields.get("user_hash") != user_hash
    except ValueError:
        return False
