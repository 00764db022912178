"""Installs a client into an environment of its own, once, and runs its sender there; both within a time limit."""

import os
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
    *("UV_INDEX_URL", "UV_DEFAULT_INDEX", "NPM_CONFIG_REGISTRY"),
)
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
    # Node.js looks for packages next to the program.
    copy = path / sender.name
    copy.write_bytes(sender.read_bytes())
    _run(["node", str(copy)], {**environ, **client.options}, SEND_S)


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
        lines = (done.stderr or done.stdout).strip().splitlines() or ["no output"]
        raise ClientFailed(f"{Path(command[0]).name}: {lines[-1]}"[:_MAX_REASON_CHARS])
