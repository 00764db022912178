"""Builds the layers' folders for functions: runtime packages only, separate from development packages."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / ".build"


class LayerError(Exception):
    """A layer cannot be built; the text is one line with the remedy."""


def build() -> list[Path]:
    """Return a function's Python path: the packages of AWS's runtime, the dependency layer, our own layer.

    Built once per content and interpreter, in a folder of this checkout.
    """
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    runtime = _install("runtime", (ROOT / "requirements-runtime.txt").read_text(), version)
    packages = _install("dependencies", (ROOT / "layers/dependencies/requirements.txt").read_text(), version)
    return [runtime, packages, ROOT / "shared"]


def _install(name: str, requirements: str, version: str) -> Path:
    folder = BUILD / f"{name}-{version}"
    stamp = folder / "stamp"
    digest = hashlib.sha256(requirements.encode()).hexdigest()
    if stamp.is_file() and stamp.read_text() == digest:
        return folder / "python"
    print(f"set up: the {name} that functions see ...", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    source = folder / "requirements.txt"
    source.write_text(requirements)
    into = ["--target", str(folder / "python"), "-r", str(source)]
    if not _is_installed_by_uv(into):
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *into]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            lines = done.stderr.strip().splitlines() or ["no message"]
            raise LayerError(f"the {name} could not be installed: {lines[-1]}")
    stamp.write_text(digest)
    return folder / "python"


def _is_installed_by_uv(into: list[str]) -> bool:
    """Install with uv; False where it is missing or fails, so that pip tries."""
    uv = Path(sys.executable).with_name("uv")
    if not uv.is_file():
        return False
    # With bytecode, since a function's process may write none and would compile all its imports at each cold start.
    # With the system's certificates, as a company's proxy has one that only the machine knows.
    command = [str(uv), "pip", "install", "--quiet", "--system-certs", "--python", sys.executable, "--compile-bytecode", *into]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
