"""Erases what is stored of users, in bounded parts, each committed by itself: a part that fails is done again."""

from collections import Counter
from collections.abc import Sequence

from callwatch.db.archive_queries.archived_objects import list_next
from callwatch.db.archive_queries.payload_objects import Place
from callwatch.db.core.connect import AnyConnection
from callwatch.db.error_queries.group_deletions import DELETIONS_AT_ONCE, OBJECTS_AT_ONCE, ROWS_AT_ONCE
from callwatch.db.report_queries.user_erasures import (
    OpenErasure,
    Progress,
    advance,
    advance_archive,
    advance_links,
    finish_erasure,
    list_open,
    lock_open,
)
from callwatch.db.report_queries.user_occurrences import StoredRow, erase_rows, lock_next, note_erased, unlink_user
from callwatch.payloads.erase import erase_lines, erase_payloads
from callwatch.payloads.members import list_positions

_DAYS_AT_ONCE = 10


def continue_erasures(conn: AnyConnection, url: str | None) -> int:
    """Do the next part of each erasure; returns how many are now finished.

    Raises FilesUnavailable: then the rows of this part stay, and the caller rolls back.
    """
    finished = 0
    for erasure_id in list_open(conn, DELETIONS_AT_ONCE):
        erasure = lock_open(conn, erasure_id)
        if erasure is not None:
            if erasure["days"]:
                _erase(conn, erasure, url)
            elif erasure["last_archived"] is not None:
                _search_archive(conn, erasure, url, erasure["last_archived"])
            else:
                finished += _unlink(conn, erasure)
        conn.commit()
    return finished


def _unlink(conn: AnyConnection, erasure: OpenErasure) -> bool:
    """Whether the erasure is finished. Alone in its transaction: groups are locked before rows everywhere."""
    last_group = unlink_user(conn, erasure)
    if last_group is not None:
        advance_links(conn, erasure["id"], last_group)
        return False
    finish_erasure(conn, erasure)
    return True


def _search_archive(conn: AnyConnection, erasure: OpenErasure, url: str | None, after: int) -> None:
    """Erase what the archive alone has of the user, in at most OBJECTS_AT_ONCE objects."""
    user_hash = erasure["user_hash"]
    part = list_next(conn, list_positions(user_hash), after, OBJECTS_AT_ONCE)
    # Before the caller commits: only lines that cannot be read anymore are counted as erased.
    erased = [erase_lines(conn, url, each["id"], lambda line: line.get("user_hash") == user_hash) for each in part.objects]
    advance_archive(conn, erasure["id"], part.last, sum(map(len, erased)))


def _erase(conn: AnyConnection, erasure: OpenErasure, url: str | None) -> None:
    """Erase at most ROWS_AT_ONCE occurrences, of at most OBJECTS_AT_ONCE objects and a few days."""
    progress = Progress(erasure["days"], erasure["last_object"], erasure["last_start"])
    rows_left, objects_left, erased = ROWS_AT_ONCE, OBJECTS_AT_ONCE, 0
    counts: Counter[int] = Counter()
    for day in erasure["days"][:_DAYS_AT_ONCE]:
        found = lock_next(conn, erasure, progress, rows_left)
        rows = _limit_objects(found, objects_left)
        places = [place for row in rows if (place := _read_place(row)) is not None]
        # Before the caller commits: a payload is never left readable without its row.
        others = erase_payloads(conn, url, places, erasure["user_hash"])
        theirs = [row for row in rows if _read_place(row) not in others]
        erased += erase_rows(conn, day, theirs)
        counts.update(row["group_id"] for row in theirs)
        if len(rows) < len(found) or len(found) == rows_left:
            last = places[-1] if places else Place(progress.last_object, progress.last_start, 0)
            progress = progress._replace(last_object=last.object_id, last_start=last.start)
            break
        progress = Progress(progress.days[1:], 0, -1)
        rows_left -= len(rows)
        objects_left -= len({place.object_id for place in places})
    note_erased(conn, erasure, counts)
    advance(conn, erasure["id"], progress, erased)


def _limit_objects(rows: Sequence[StoredRow], most: int) -> Sequence[StoredRow]:
    """The first rows, of at most this many objects: each is read and written as a whole."""
    objects = sorted({row["payload_object"] for row in rows if row["payload_object"] is not None})
    if len(objects) <= most:
        return rows
    return [row for row in rows if row["payload_object"] is None or row["payload_object"] < objects[most]]


def _read_place(row: StoredRow) -> Place | None:
    if row["payload_object"] is None or row["payload_start"] is None or row["payload_bytes"] is None:
        return None
    return Place(row["payload_object"], row["payload_start"], row["payload_bytes"])
