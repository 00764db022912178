"""DATA_DIR: a private folder, whose files are checked before anything starts on them.

Files that a run only notes for the next one (ports, pids, logs) are recreated if damaged; any other damage stops the start.
Either is reported in one line that names the file and the remedy.
"""

import contextlib
import fcntl
import json
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from callwatch.exceptions import ConfigurationError

# Files that the next start can recreate: name and check.
_NOTES = {
    "queue.port": r"[0-9]{1,5}",
    "postgres.port": r"[0-9]{1,5}",
    "queue.pid": r"[0-9]+ [0-9.]+",
    "functions.pids": r"(?:[0-9]+ [0-9.]+\n?)*",
    "queue.key": r"[0-9a-f]{32}",
}
_LOGS = ("queue.log", "queue.expired.jsonl", "run.log")
_KEPT = ("secrets.json", "postgres.password", "postgres.location", "queue.sqlite3", "queue.sqlite3-wal", "queue.sqlite3-shm")
_OURS = (*_NOTES, *_LOGS, *_KEPT, "run.json", "inbox.jsonl", "lock", "postgres.lock")
_FOLDERS = ("logs", "tmp", "postgres")


class DataDirError(Exception):
    """The folder cannot be used in its current state; the text is one line with the remedy."""


def open_data_dir(data_dir: Path) -> list[str]:
    """Create the folder, make it private, check its files; return one line for each repair.

    Raises ConfigurationError where the folder cannot be used at all, DataDirError for a file in it.
    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        lines = _close_to_others(data_dir)
        _check_kinds(data_dir)
        (data_dir / "lock").touch()
    except OSError as error:
        raise ConfigurationError(f"DATA_DIR must be a folder that can be written to ({error.strerror}: {data_dir})") from None
    return lines + check_notes(data_dir)


@contextlib.contextmanager
def hold_alone(data_dir: Path) -> Iterator[None]:
    """Lock the folder until the process ends. Raises DataDirError if another process holds the lock."""
    with (data_dir / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataDirError(f"{data_dir} is in use by another `make run`: stop it, or set DATA_DIR=") from None
        yield


def check_notes(data_dir: Path) -> list[str]:
    """Set damaged files aside that the start recreates; return one line for each."""
    damaged = [name for name, pattern in _NOTES.items() if not _is_sound(data_dir / name, pattern)]
    damaged += [name for name in ("run.json",) if not _is_json(data_dir / name)]
    damaged += [name for name in ("inbox.jsonl", "queue.expired.jsonl") if not _is_text(data_dir / name)]
    return [_take_away(data_dir / name) for name in damaged]


def _close_to_others(data_dir: Path) -> list[str]:
    """Set mode 0700, unless the folder contains folders of other users, who may need the path."""
    found = data_dir.stat()
    if stat.S_IMODE(found.st_mode) == 0o700:
        return []
    strangers = [entry.name for entry in os.scandir(data_dir) if entry.is_dir() and entry.name not in _FOLDERS]
    if strangers or found.st_uid != os.geteuid():
        why = f"it holds {sorted(strangers)[0]}/" if strangers else "it belongs to another user"
        return [f"{data_dir} keeps its mode, as {why}: choose a DATA_DIR of its own, which no other user can list"]
    data_dir.chmod(0o700)
    return []


def _check_kinds(data_dir: Path) -> None:
    """Raise DataDirError if a folder stands in place of a file, or the reverse, or a link that leads nowhere."""
    for name in _OURS:
        path = data_dir / name
        if path.is_symlink() and not path.exists():
            raise DataDirError(f"{path} is a link that leads nowhere: move it away, and start again")
        if path.exists() and not path.is_file():
            raise DataDirError(f"{path} is a folder where a file belongs: move it away, and start again")
    for name in _FOLDERS:
        path = data_dir / name
        if path.exists() and not path.is_dir():
            raise DataDirError(f"{path} is a file where a folder belongs: move it away, and start again")


def _is_sound(path: Path, pattern: str) -> bool:
    return not path.is_file() or re.fullmatch(pattern, path.read_bytes().decode("latin-1").strip()) is not None


def _is_json(path: Path) -> bool:
    try:
        return not path.is_file() or isinstance(json.loads(path.read_bytes()), dict)
    except (ValueError, RecursionError):
        return False


def _is_text(path: Path) -> bool:
    try:
        return not path.is_file() or "\0" not in path.read_text()
    except UnicodeDecodeError:
        return False


def _take_away(path: Path) -> str:
    """Keep a damaged file under another name, so that a person can inspect it."""
    kept = path.with_name(f"{path.name}.damaged")
    path.replace(kept)
    return f"{path} was damaged: it is made again, the old one is kept as {kept.name}"
