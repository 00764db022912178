"""The layers' folders as functions see them: third-party packages alone, apart from the development ones."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / ".build"


class LayerError(Exception):
    """A layer cannot be built; the text is one line with the remedy."""


def build() -> list[Path]:
    """What stands on a function's path: what AWS's runtime brings, the packages' layer, our own layer.

    Built once per content and interpreter with pip, in a folder of this checkout.
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
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    command += ["--target", str(folder / "python"), "-r", str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or ["no message"]
        raise LayerError(f"the {name} could not be installed: {lines[-1]}")
    stamp.write_text(digest)
    return folder / "python"
