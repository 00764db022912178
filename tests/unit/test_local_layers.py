"""The packages of local functions: whole or absent, also while another system installs them."""

import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from local.lambda_runtime import layers


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of the layers, which does not exist yet."""
    monkeypatch.setattr(layers, "BUILD", tmp_path / "build")
    return tmp_path / "build"


def make_wheel(folder: Path, name: str) -> str:
    """Write a package of one module; returns its line for a requirements file."""
    path = folder / f"{name}-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{name}.py", "here = True\n")
        wheel.writestr(f"{name}-1.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
        wheel.writestr(
            f"{name}-1.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{name}-1.dist-info/RECORD", "")
    return f"{path}\n"


def test_two_systems_install_at_once(build: Path, tmp_path: Path) -> None:
    requirements = make_wheel(tmp_path, "tiny")
    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(lambda _n: layers._install("some", requirements, "3"), range(4)))
    (folder,) = found
    assert (folder / "tiny.py").is_file()
    assert list(build.iterdir()) == [folder]


def test_changed_requirements_leave_a_running_system_alone(build: Path, tmp_path: Path) -> None:
    before = layers._install("some", make_wheel(tmp_path, "tiny"), "3")
    after = layers._install("some", make_wheel(tmp_path, "other"), "3")
    assert (before / "tiny.py").is_file()
    assert [path.stem for path in after.glob("*.py")] == ["other"]


def test_failed_installation_leaves_nothing(build: Path, tmp_path: Path) -> None:
    with pytest.raises(layers.LayerError, match=r"^the some could not be installed: .+$"):
        layers._install("some", f"{tmp_path}/missing-1-py3-none-any.whl\n", "3")
    assert list(build.iterdir()) == []
