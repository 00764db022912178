"""Setting up a machine: which packages a purpose installs, and where pip comes from."""

import subprocess
import sys
from pathlib import Path

import pytest

from tools import setup


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a lock file, whose npm only makes node_modules."""
    (tmp_path / "package-lock.json").write_text("{}")
    monkeypatch.setattr(setup, "STAMPS", tmp_path / "stamps")
    return tmp_path


@pytest.fixture
def commands(folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    found: list[list[str]] = []

    def run(command: list[str], _what: str, **_more: object) -> None:
        found.append(command)
        (folder / "node_modules").mkdir(exist_ok=True)

    monkeypatch.setattr(setup, "run", run)
    return found


def install(folder: Path, *purposes: str) -> None:
    for purpose in purposes:
        setup.install_node(folder, "npm", "the packages", purpose)


def test_run_installs_no_tools_of_development(folder: Path, commands: list[list[str]]) -> None:
    install(folder, "run", "run")
    assert [command[-1] for command in commands] == ["--omit=dev"]


def test_development_adds_its_tools_and_serves_a_run(folder: Path, commands: list[list[str]]) -> None:
    install(folder, "run", "dev", "run", "dev")
    assert [command[-1] for command in commands] == ["--omit=dev", "--include=dev"]


def test_tools_return_after_a_run_with_another_lock(folder: Path, commands: list[list[str]]) -> None:
    lock = folder / "package-lock.json"
    install(folder, "dev")
    lock.write_text('{"lockfileVersion": 3}')
    install(folder, "run")
    lock.write_text("{}")
    install(folder, "dev")
    assert [command[-1] for command in commands] == ["--include=dev", "--omit=dev", "--include=dev"]


def test_pip_of_the_wheel_runs_without_being_installed() -> None:
    done = subprocess.run([sys.executable, setup.find_pip(), "--version"], capture_output=True, text=True, check=False)
    assert done.stdout.startswith("pip "), done.stderr


def test_missing_wheel_is_fetched_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fetched: list[str] = []

    def fetch() -> bytes:
        fetched.append("pip")
        return b"a wheel"

    monkeypatch.setattr(setup, "STAMPS", tmp_path / "stamps")
    monkeypatch.setattr(setup, "_list_wheel_folders", lambda: [tmp_path / "missing"])
    monkeypatch.setattr(setup, "fetch_pip", fetch)
    assert setup.find_pip() == setup.find_pip() == str(tmp_path / "stamps" / "pip.whl" / "pip")
    assert fetched == ["pip"]


def test_own_modules_are_compiled_but_for_the_functions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in (*setup.COMPILED, "functions"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "good.py").write_text("x = 1\n")
        (tmp_path / folder / "bad.py").write_text("x = (\n")
    monkeypatch.setattr(setup, "ROOT", tmp_path)
    setup.compile_sources()
    compiled = {str(path.parent.parent.relative_to(tmp_path)) for path in tmp_path.rglob("*.pyc")}
    assert compiled == set(setup.COMPILED)
