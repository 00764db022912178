"""Repairs a damaged queue file: sets it aside and continues with the messages that can be read.

1. `find_damage` looks for content that SQLite cannot read: no database, a broken page, an invalid log.
2. `repair` moves the file and its log aside and creates a new one.
3. Every readable message is copied, page by page; ids on a broken page are tried one by one. If the first page is broken,
   which names all others, that of a new file replaces it.
"""

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from local.sqs.queue_file import SCHEMA

# A check reads the whole file; above this size, damage is found when a message is read.
_MAX_CHECKED_BYTES = 256 * 1024 * 1024
_WAL_MAGIC = (b"\x37\x7f\x06\x82", b"\x37\x7f\x06\x83")
_PAGE = 200
# The size of a new SQLite file.
_PAGE_BYTES = 4_096
_COLUMNS = "id, queue, message_id, body, attributes, sent_at, visible_at, receive_count, first_received_at, receipt"


def repair_if_damaged(path: Path) -> str | None:
    """Repair the queue's file if it is damaged; return one line for people, None if it is intact or missing."""
    damage = find_damage(path)
    return None if damage is None else repair(path, damage)


def find_damage(path: Path) -> str | None:
    """Describe the damage of the file; None if none is found."""
    if not path.is_file():
        return None
    log = path.with_name(f"{path.name}-wal")
    if not _is_sound_log(log):
        return f"{log.name} is no log of SQLite"
    if path.stat().st_size == 0:
        return "it is empty"
    if path.stat().st_size > _MAX_CHECKED_BYTES:
        return None
    try:
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
            (found,) = db.execute("PRAGMA quick_check(1)").fetchone()
            db.execute("SELECT 1 FROM queues, messages LIMIT 1").fetchone()
    except sqlite3.DatabaseError as error:
        # Before the first queue exists there are no tables; a database that reports so can be read.
        return None if "no such table" in str(error) else str(error)
    return None if found == "ok" else str(found).splitlines()[0]


def repair(path: Path, damage: str) -> str:
    """Set the file aside, and create a new one from its readable part; return one line for people."""
    aside = _set_aside(path)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;" + SCHEMA)
        db.execute("BEGIN")
        saved, lost = _copy(aside, db)
        if not saved and (patched := _replace_first_page(aside)) is not None:
            saved, lost = _copy(patched, db)
            patched.unlink()
        db.execute("COMMIT")
    unread = f", {lost:,} could not be read" if lost else ""
    return (
        f"{path} was damaged ({damage}): set aside as {aside.name}; {saved:,} messages were saved{unread}."
        " docs/troubleshooting.md tells how to get at the rest"
    )


def _copy(source: Path, db: sqlite3.Connection) -> tuple[int, int]:
    """Copy the readable part of a file; return the number of messages copied, and of those certainly lost."""
    saved = lost = 0
    with contextlib.closing(sqlite3.connect(source)) as damaged:
        for row in _read_queues(damaged):
            db.execute("INSERT OR IGNORE INTO queues VALUES (?, ?, ?)", row)
        for message in _read_messages(damaged):
            if message is None:
                lost += 1
                continue
            db.execute(f"INSERT OR IGNORE INTO messages ({_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?)", message)
            saved += 1
    return saved, lost


def _replace_first_page(aside: Path) -> Path | None:
    """Return a copy of the file with the first page of a new one; None if that cannot help.

    The first page names all others. A file created by the same statements has its tables on the same pages.
    """
    patched, model = (aside.with_name(f"{aside.name}.{ending}") for ending in ("patched", "model"))
    with contextlib.closing(sqlite3.connect(model, isolation_level=None)) as db:
        db.executescript(SCHEMA)
    first = bytearray(model.read_bytes()[:_PAGE_BYTES])
    model.unlink()
    content = aside.read_bytes()
    if len(content) <= _PAGE_BYTES or len(content) > _MAX_CHECKED_BYTES:
        return None
    # Offset 28 of the database header holds the number of pages.
    first[28:32] = (len(content) // _PAGE_BYTES).to_bytes(4, "big")
    patched.write_bytes(bytes(first) + content[_PAGE_BYTES:])
    return patched


def _is_sound_log(log: Path) -> bool:
    """Return whether SQLite would read the log; an unknown one would be emptied silently."""
    if not log.is_file() or not log.stat().st_size:
        return True
    with log.open("rb") as file:
        return file.read(4) in _WAL_MAGIC


def _set_aside(path: Path) -> Path:
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
    aside = path.with_name(f"{path.stem}.damaged-{stamp}{path.suffix}")
    number = 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.stem}.damaged-{stamp}-{number}{path.suffix}")
    path.rename(aside)
    log = path.with_name(f"{path.name}-wal")
    if log.exists():
        # SQLite finds the log by its name: a valid one still holds messages of the file, an invalid one would be deleted.
        ending = "-wal" if _is_sound_log(log) else "-wal.damaged"
        log.rename(aside.with_name(f"{aside.name}{ending}"))
    path.with_name(f"{path.name}-shm").unlink(missing_ok=True)
    return aside


def _read_queues(db: sqlite3.Connection) -> list[tuple[Any, ...]]:
    try:
        return db.execute("SELECT name, attributes, made_at FROM queues").fetchall()
    except sqlite3.DatabaseError:
        # `make run` creates them again from the template.
        return []


def _read_messages(db: sqlite3.Connection) -> Iterator[tuple[Any, ...] | None]:
    """Yield every readable message, and None for each id that is certainly lost."""
    last_id = _read_last_id(db)
    next_id = 0
    while next_id <= last_id:
        try:
            page = db.execute(
                f"SELECT {_COLUMNS} FROM messages NOT INDEXED WHERE id >= ? ORDER BY id LIMIT ?",
                (next_id, _PAGE),
            ).fetchall()
        except (sqlite3.DatabaseError, UnicodeDecodeError):
            for row_id in range(next_id, min(next_id + _PAGE, last_id + 1)):
                yield from _read_one(db, row_id)
            next_id += _PAGE
            continue
        if not page:
            return
        yield from page
        next_id = page[-1][0] + 1


def _read_one(db: sqlite3.Connection, row_id: int) -> Iterator[tuple[Any, ...] | None]:
    try:
        row = db.execute(f"SELECT {_COLUMNS} FROM messages WHERE id = ?", (row_id,)).fetchone()
    except (sqlite3.DatabaseError, UnicodeDecodeError):
        yield None
        return
    if row is not None:
        yield row


def _read_last_id(db: sqlite3.Connection) -> int:
    for statement in ("SELECT seq FROM sqlite_sequence WHERE name = 'messages'", "SELECT max(id) FROM messages"):
        try:
            row = db.execute(statement).fetchone()
        except sqlite3.DatabaseError:
            continue
        if row and row[0]:
            return int(row[0])
    return 0
