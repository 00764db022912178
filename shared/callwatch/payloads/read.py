"""Reads single payloads out of their objects; one that cannot be read is unknown, with a code."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import NamedTuple

from callwatch.exceptions import FileMissing, FilesUnavailable
from callwatch.file_store import read_file
from callwatch.models.reason import Reason
from callwatch.payloads.frames import is_blank, unpack_line
from callwatch.payloads.lines import Payload, parse_line

NO_STORE = Reason("not_configured", "PAYLOADS_URL is not set: the payload lies in a store of files")
MISSING = Reason("missing", "the object that held the payload does not exist anymore")
UNAVAILABLE = Reason("unavailable", "the store of payloads does not respond")
DAMAGED = Reason("unavailable", "the payload's part of its object cannot be read")
ERASED = Reason("none", "the payload was erased")
TIMEOUT = Reason("timeout", "the store of payloads did not respond in time")

_LIMIT_S = 4.0
_READERS = 8
# Bytes between two payloads that are cheaper to read than a second request.
_GAP_BYTES = 64 * 1024
_MAX_RANGE_BYTES = 8 * 1024 * 1024

Found = Payload | Reason


class StoredPlace(NamedTuple):
    """Where a payload lies. name: of its object; None if the object is forgotten."""

    name: str | None
    start: int
    size: int


class _Range(NamedTuple):
    start: int
    end: int
    places: list[StoredPlace]


def read_payloads(url: str | None, places: Iterable[StoredPlace]) -> dict[StoredPlace, Found]:
    """Read payloads within a few seconds, neighbors in an object by one request; never raises."""
    wanted = set(places)
    if url is None:
        return dict.fromkeys(wanted, NO_STORE)
    by_name: defaultdict[str, list[StoredPlace]] = defaultdict(list)
    for place in wanted:
        if place.name is not None:
            by_name[place.name].append(place)
    ranges = [(name, each) for name, found in by_name.items() for each in _join(sorted(found, key=lambda place: place.start))]
    result: dict[StoredPlace, Found] = dict.fromkeys(wanted, MISSING)
    if not ranges:
        return result
    readers = ThreadPoolExecutor(min(_READERS, len(ranges)), thread_name_prefix="payloads")
    asked: dict[Future[dict[StoredPlace, Found]], _Range] = {
        readers.submit(_read_range, url, name, each): each for name, each in ranges
    }
    wait(asked, _LIMIT_S)
    for future, each in asked.items():
        result |= future.result() if future.done() else dict.fromkeys(each.places, TIMEOUT)
    # A reader that hangs ends by the store's own timeout; nobody waits for it.
    readers.shutdown(wait=False, cancel_futures=True)
    return result


def _join(places: Sequence[StoredPlace]) -> list[_Range]:
    ranges: list[_Range] = []
    for place in places:
        end = place.start + place.size
        last = ranges[-1] if ranges else None
        if last and place.start - last.end <= _GAP_BYTES and end - last.start <= _MAX_RANGE_BYTES:
            ranges[-1] = _Range(last.start, max(last.end, end), [*last.places, place])
        else:
            ranges.append(_Range(place.start, end, [place]))
    return ranges


def _read_range(url: str, name: str, given: _Range) -> dict[StoredPlace, Found]:
    try:
        content = read_file(url, name, given.start, given.end - given.start)
    except FileMissing:
        return dict.fromkeys(given.places, MISSING)
    except FilesUnavailable:
        return dict.fromkeys(given.places, UNAVAILABLE)
    return {place: _read(content[place.start - given.start :][: place.size]) for place in given.places}


def _read(frame: bytes) -> Found:
    try:
        line = unpack_line(frame)
        return ERASED if is_blank(line) else parse_line(line)
    except ValueError:
        return DAMAGED
