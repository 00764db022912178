"""DATA_DIR is private; any damaged file in it is reported in one line that names it."""

import itertools
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from callwatch.exceptions import ConfigurationError
from local import data_dir as folders
from local.data_dir import DataDirError, hold_alone, open_data_dir
from local.postgres import files as postgres_files
from local.postgres.files import PostgresError, find_home, read_password
from local.secrets import read_secrets
from local.sqs.repair import repair_if_damaged
from local.sqs.store import QueueStore


def write_empty(path: Path) -> None:
    path.write_bytes(b"")


def write_nul(path: Path) -> None:
    path.write_bytes(b"\0" * 4096)


def write_garbage(path: Path) -> None:
    path.write_bytes(bytes(range(128, 256)) * 32)


def write_wrong_json(path: Path) -> None:
    path.write_text('[{"ADMIN_SECRET": 7}]')


def write_other_json(path: Path) -> None:
    path.write_text('{"ADMIN_SECRET": {"a": 1}, "pid": "x"}')


def make_folder(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.mkdir()


def write_odd_texts(path: Path) -> None:
    path.write_text(r'{"USER_HASH_KEY": "\ud800", "ADMIN_SECRET": "ana:x\n"}')


def link_to_nothing(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to("nothing")


DAMAGES = (
    write_empty, write_nul, write_garbage, write_wrong_json, write_other_json, write_odd_texts, make_folder, link_to_nothing,
)  # fmt: skip


def fill(folder: Path) -> Path:
    """Fill a DATA_DIR as a run leaves it."""
    open_data_dir(folder)
    read_secrets(folder, {})
    store = QueueStore(folder / "queue.sqlite3")
    store.create("errors", {})
    store.send("errors", [("kept", {}, None)])
    store._db.close()
    read_password(folder, folder / "postgres")
    (folder / "postgres" / "cluster").mkdir(parents=True)
    (folder / "postgres.location").write_text(str(folder / "postgres"))
    notes = {"queue.port": "40001", "postgres.port": "40002", "queue.pid": "999999 1.00", "functions.pids": "999999 1.00"}
    notes |= {"queue.key": "0" * 32, "run.json": "{}", "inbox.jsonl": "{}\n", "queue.log": "x\n", "postgres.lock": ""}
    for name, text in notes.items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill(tmp_path_factory.mktemp("sound") / "data")


def start_reading(folder: Path) -> Iterator[str]:
    """Read a data folder as `make run` does before it starts anything; yield lines."""
    yield from open_data_dir(folder)
    with hold_alone(folder):
        read_secrets(folder, {})
        read_password(folder, find_home(folder))
        yield from filter(None, [repair_if_damaged(folder / "queue.sqlite3")])


FILES = ("lock", "postgres.lock", "queue.log", *folders._NOTES, *folders._KEPT, "run.json", "inbox.jsonl")
# Their content is irrelevant: it is appended to, or written by SQLite itself.
_FREE = {"lock", "postgres.lock", "queue.log", "queue.sqlite3-shm"}
# An empty file counts as missing.
_EMPTY_IS_SOUND = {"queue.sqlite3-wal", "functions.pids", "inbox.jsonl"}


def test_every_file_of_a_run_is_known(sound: Path) -> None:
    assert {path.name for path in sound.iterdir() if path.is_file()} <= set(FILES) | {"queue.sqlite3-wal", "queue.sqlite3-shm"}
    assert list(start_reading(sound)) == []


@pytest.mark.parametrize(("name", "damage"), list(itertools.product(FILES, DAMAGES)))
def test_damaged_file_is_one_line_naming_it(sound: Path, tmp_path: Path, name: str, damage: Callable[[Path], None]) -> None:
    folder = tmp_path / "data"
    shutil.copytree(sound, folder)
    (folder / "postgres.location").write_text(str(folder / "postgres"))
    damage(folder / name)
    lines: list[str] = []
    try:
        lines += start_reading(folder)
    except (ConfigurationError, DataDirError, PostgresError) as error:
        lines.append(str(error))
    if damage not in (make_folder, link_to_nothing) and (name in _FREE or (damage is write_empty and name in _EMPTY_IS_SOUND)):
        assert lines == []
        return
    readable = {
        "inbox.jsonl": (write_wrong_json, write_other_json, write_odd_texts),
        "run.json": (write_other_json, write_odd_texts),
    }
    if damage in readable.get(name, ()):
        assert lines == []
        return
    assert len(lines) == 1, lines
    assert "\n" not in lines[0]
    assert str(folder / name.removesuffix("-wal").removesuffix("-shm")) in lines[0]
    assert any(word in lines[0] for word in ("move it away", "made again", "choose another", "delete it", "docs/"))


@pytest.mark.parametrize("name", ["logs", "tmp", "postgres"])
def test_file_in_the_place_of_a_folder_is_named(sound: Path, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "data"
    shutil.copytree(sound, folder)
    shutil.rmtree(folder / name, ignore_errors=True)
    (folder / name).write_text("x")
    with pytest.raises(DataDirError, match=f"{name} is a file where a folder belongs: move it away"):
        open_data_dir(folder)


def test_damaged_note_is_kept_under_another_name(sound: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    shutil.copytree(sound, folder)
    (folder / "queue.port").write_text("port")
    assert open_data_dir(folder) == [
        f"{folder / 'queue.port'} was damaged: it is made again, the old one is kept as queue.port.damaged"
    ]
    assert (folder / "queue.port.damaged").read_text() == "port"
    assert open_data_dir(folder) == []


@pytest.mark.parametrize("mode", [0o755, 0o777, 0o750, 0o700])
def test_folder_is_closed_to_all_others(tmp_path: Path, mode: int) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    folder.chmod(mode)
    (folder / "out.log").touch()
    assert open_data_dir(folder) == []
    assert folder.stat().st_mode & 0o777 == 0o700
    new = tmp_path / "a" / "new"
    open_data_dir(new)
    assert new.stat().st_mode & 0o777 == 0o700


def test_folder_with_folders_of_others_keeps_its_mode(tmp_path: Path) -> None:
    """With DATA_DIR=/tmp or a home folder, mode 0700 would lock other users out of their own folders."""
    (tmp_path / "project").mkdir()
    tmp_path.chmod(0o755)
    (line,) = open_data_dir(tmp_path)
    assert "keeps its mode, as it holds project/" in line
    assert tmp_path.stat().st_mode & 0o777 == 0o755


def test_second_run_on_a_folder_is_refused(tmp_path: Path) -> None:
    open_data_dir(tmp_path / "data")
    with hold_alone(tmp_path / "data"), pytest.raises(DataDirError, match="in use by another"), hold_alone(tmp_path / "data"):
        raise AssertionError("both hold it")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can try as another user")
def test_another_user_reads_nothing(sound: Path) -> None:
    names = [str(path) for path in (sound, *sound.rglob("*"))]
    script = 'for name; do if cat "$name" || ls -d "$name"; then exit 1; fi; done'
    user = postgres_files._UNPRIVILEGED
    for folder in (sound.parent, *sound.parents[1:3]):
        folder.chmod(0o755)
    # The folder itself may be visible, as its parent can be listed: only its content is private.
    command = ["/bin/sh", "-c", script, "sh", *names[1:]]
    done = subprocess.run(command, user=user, cwd="/", capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.count("Permission denied") == 2 * len(names[1:])
