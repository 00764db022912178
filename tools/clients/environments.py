"""Installs a client into an environment of its own, once, and runs its sender there; both within a time limit."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.clients.table import Client

ROOT = Path(__file__).resolve().parents[2]
SENDERS = Path(__file__).resolve().parent / "senders"
INSTALL_S, SEND_S = 300, 60
# What names the registries that this machine uses.
_KEPT = (
    *("PATH", "HOME", "LANG", "SSL_CERT_FILE", "PIP_INDEX_URL", "PIP_CONFIG_FILE"),
    *("UV_INDEX_URL", "UV_DEFAULT_INDEX", "NPM_CONFIG_REGISTRY", "COMPOSER_HOME"),
)
# As wide as a reason, since it breaks lines within words.
_COMPOSER = {"COMPOSER_ALLOW_SUPERUSER": "1", "COLUMNS": "200"}
_MAX_REASON_CHARS = 200


class ClientFailed(Exception):
    """A client could not be installed, or its sender failed; the text is the reason."""


def install(client: Client, folder: Path) -> Path:
    """The environment of a client, made if it is not there or was not finished. Raises ClientFailed."""
    path = folder / client.slug
    done = path / "installed"
    if done.is_file() and done.read_text() == " ".join(client.packages):
        return path
    path.mkdir(parents=True, exist_ok=True)
    if client.runtime == "python":
        _run([sys.executable, "-m", "venv", "--clear", str(path / "venv")], {}, INSTALL_S)
        uv = str(Path(sys.executable).with_name("uv"))
        python = str(path / "venv" / "bin" / "python")
        # Clients from before Python 3.12 find setuptools' modules missing.
        _run([uv, "pip", "install", "--quiet", "--python", python, "setuptools<81", "certifi", *client.packages], {}, INSTALL_S)
    elif client.runtime in ("ruby", "go"):
        _unpack_debian(client.packages, path)
    elif client.runtime == "php":
        # The client before 2.0 is declared for PHP 5 and 7 alone, and works with 8.
        options = ["--working-dir", str(path), "--no-interaction", "--quiet", "--ignore-platform-req=php"]
        (path / "composer.json").write_text("{}")
        _run(["composer", "require", *options, *client.packages], _COMPOSER, INSTALL_S)
    else:
        (path / "package.json").write_text("{}")
        # From its own folder: with --prefix, npm 11 looks through the folder where it is called, and may never end.
        _run(["npm", "install", "--silent", "--no-audit", "--no-fund", *client.packages], {}, INSTALL_S, path)
    done.write_text(" ".join(client.packages))
    return path


def send(client: Client, path: Path, environ: Mapping[str, str]) -> None:
    """Run the sender of an installed client. Raises ClientFailed."""
    sender = SENDERS / client.sender
    if client.runtime == "python":
        _run([str(path / "venv" / "bin" / "python"), str(sender)], {**environ, **client.options}, SEND_S)
        return
    if client.runtime in ("ruby", "go"):
        find = _find_ruby if client.runtime == "ruby" else _find_go
        command, own = find(path)
        _run([*command, str(sender)], {**environ, **client.options, **own}, SEND_S)
        return
    # Node.js looks for packages next to the program, and so do the senders for PHP.
    copy = path / sender.name
    copy.write_bytes(sender.read_bytes())
    _run([client.runtime, str(copy)], {**environ, **client.options}, SEND_S)


def _unpack_debian(packages: Sequence[str], path: Path) -> None:
    """Download packages of Debian, with what they need and this machine lacks, and unpack them; nothing is installed."""
    archives = path / "archives"
    (archives / "partial").mkdir(parents=True, exist_ok=True)
    options = ["-o", f"Dir::Cache::archives={archives}", "-o", "Debug::NoLocking=1"]
    only = ["--yes", "--quiet", "--no-install-recommends", "--download-only", "--reinstall"]
    _run(["apt-get", "install", *only, *options, *packages], {}, INSTALL_S)
    for archive in sorted(archives.glob("*.deb")):
        _run(["dpkg", "--extract", str(archive), str(path / "root")], {}, INSTALL_S)
    shutil.rmtree(archives)


def _find_ruby(path: Path) -> tuple[list[str], dict[str, str]]:
    """The command that starts an unpacked Ruby, and the variables that let it find its libraries."""
    root = path / "root" / "usr"
    programs = sorted((root / "bin").glob("ruby[0-9]*"))
    if not programs:
        raise ClientFailed("ruby: not among the packages")
    version = f"{programs[0].name.removeprefix('ruby')}.0"
    libraries = sorted({library.parent for library in root.glob("lib/*/libruby*.so.*")})
    folders = [root / "share/rubygems-integration/all", root / "lib/ruby/vendor_ruby", root / "lib/ruby" / version]
    folders += [each / "ruby" / part for each in libraries for part in (version, f"vendor_ruby/{version}")]
    own = {
        "LD_LIBRARY_PATH": os.pathsep.join(map(str, libraries)),
        "RUBYLIB": os.pathsep.join(map(str, folders)),
        "GEM_PATH": str(root / "share/rubygems-integration/all"),
    }
    return [str(programs[0])], own


def _find_go(path: Path) -> tuple[list[str], dict[str, str]]:
    """The command that runs a program by an unpacked Go, and the variables that let it find its packages."""
    root = path / "root" / "usr"
    places = sorted(root.glob("lib/go-[0-9]*"))
    if not places:
        raise ClientFailed("go: not among the packages")
    own = {
        "GOROOT": str(places[0]),
        "GOPATH": str(root / "share" / "gocode"),
        "GOCACHE": str(path / "cache"),
        "GO111MODULE": "off",
        "CGO_ENABLED": "0",
    }
    return [str(places[0] / "bin" / "go"), "run"], own


def _run(command: Sequence[str], environ: Mapping[str, str], limit_s: float, cwd: Path | None = None) -> None:
    clean = {name: os.environ[name] for name in _KEPT if name in os.environ}
    try:
        done = subprocess.run(
            command, env={**clean, **environ}, capture_output=True, text=True, timeout=limit_s, check=False, cwd=cwd
        )
    except subprocess.TimeoutExpired:
        raise ClientFailed(f"{Path(command[0]).name} did not end within {limit_s:.0f} s") from None
    except OSError as error:
        raise ClientFailed(f"{Path(command[0]).name}: {error.strerror}") from None
    if done.returncode:
        lines = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        # Composer ends with how it is called.
        said = [line for line in lines if not line.startswith("require [")] or ["no output"]
        raise ClientFailed(f"{Path(command[0]).name}: {said[-1]}"[:_MAX_REASON_CHARS])
