"""Builds the layers' folders for functions: runtime packages only, separate from development packages."""

import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / ".build"
_DIGITS = 12


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
    """Return the folder of these packages, which its name tells from those of other requirements.

    It appears whole or not at all, so two systems may start at once; an older one stays, as another system may run from it.
    """
    digest = hashlib.sha256(requirements.encode()).hexdigest()[:_DIGITS]
    folder = BUILD / f"{name}-{version}-{digest}"
    if folder.is_dir():
        return folder
    print(f"set up: the {name} that functions see ...", flush=True)
    BUILD.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BUILD, prefix="unfinished-") as unfinished:
        source, made = Path(unfinished, "requirements.txt"), Path(unfinished, "python")
        source.write_text(requirements)
        into = ["--target", str(made), "-r", str(source)]
        if not _is_installed_by_uv(into):
            command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *into]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                lines = done.stderr.strip().splitlines() or ["no message"]
                raise LayerError(f"the {name} could not be installed: {lines[-1]}")
        try:
            made.rename(folder)
        except OSError:
            # Another system was faster; its packages are the same.
            if not folder.is_dir():
                raise
    return folder


def _is_installed_by_uv(into: list[str]) -> bool:
    """Install with uv; False where it is missing or fails, so that pip tries."""
    uv = Path(sys.executable).with_name("uv")
    if not uv.is_file():
        return False
    # With bytecode, since a function's process may write none and would compile all its imports at each cold start.
    # With the system's certificates, as a company's proxy has one that only the machine knows.
    command = [str(uv), "pip", "install", "--quiet", "--system-certs", "--python", sys.executable, "--compile-bytecode", *into]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
