"""`make clients`: its table, its senders, and what counts as complete."""

import subprocess
import sys
from pathlib import Path

import pytest

from tools.clients import environments
from tools.clients.environments import SENDERS, ClientFailed, install, send
from tools.clients.table import CLIENTS, Client, Runtime
from tools.clients.trial import Trial, render_table

CLIENT = Client("fake", "1", "python", (), "fake.py", errors=3, requests=2)


def test_every_client_has_its_sender_and_a_folder_of_its_own() -> None:
    assert len({client.slug for client in CLIENTS}) == len(CLIENTS)
    assert {client.sender for client in CLIENTS} == {path.name for path in SENDERS.iterdir() if path.is_file()}
    assert {client.runtime for client in CLIENTS} == {"python", "node", "ruby", "go", "php"}


@pytest.mark.parametrize("path", sorted(SENDERS.glob("*.py")), ids=lambda path: path.name)
def test_senders_compile(path: Path) -> None:
    compile(path.read_text(), str(path), "exec")


@pytest.mark.parametrize(
    ("trial", "is_complete", "result"),
    [
        (Trial(CLIENT, 3, 2), True, "all"),
        (Trial(CLIENT, 4, 2), False, "NOT ALL"),
        (Trial(CLIENT, 3, 1), False, "NOT ALL"),
        (Trial(CLIENT, failure="uv: no such package"), False, "uv: no such package"),
        (Trial(Client("x", "1", "node", (), "x.cjs", 0), failure="broken"), False, "broken"),
    ],
)
def test_only_what_is_stored_once_is_complete(trial: Trial, is_complete: bool, result: str) -> None:
    assert (trial.is_complete, trial.result) == (is_complete, result)
    assert render_table([trial]).splitlines()[-1].endswith(f"| {result} |")


def test_sender_gets_its_environment_and_an_error_its_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environments, "SENDERS", tmp_path)
    python = tmp_path / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    (tmp_path / "fake.py").write_text("import os, sys; sys.exit('no ' + os.environ['MARKER'] + os.environ.get('SECRET', ''))")
    monkeypatch.setenv("SECRET", "of this machine")
    with pytest.raises(ClientFailed, match=r"^python: no letters$"):
        send(CLIENT, tmp_path, {"MARKER": "letters"})


def test_finished_environment_is_not_installed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def run(command: list[str], **_options: object) -> subprocess.CompletedProcess[str]:
        calls.append(Path(command[0]).name)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    for _attempt in range(2):
        install(CLIENT, tmp_path)
    assert len(calls) == 2
    install(Client("fake", "1", "python", ("more",), "fake.py", 3), tmp_path)
    assert len(calls) == 4


@pytest.mark.parametrize("runtime", ["ruby", "go"])
def test_unpacked_runtime_starts_with_its_own_libraries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runtime: Runtime
) -> None:
    client = Client("fake", "1", runtime, (), "fake", errors=3)
    with pytest.raises(ClientFailed, match=f"^{runtime}: not among the packages$"):
        send(client, tmp_path, {})
    root = tmp_path / "root" / "usr"
    program = root / ("bin/ruby3.1" if runtime == "ruby" else "lib/go-1.19/bin/go")
    for folder in (program.parent, root / "lib" / "x86_64-linux-gnu"):
        folder.mkdir(parents=True)
    (root / "lib" / "x86_64-linux-gnu" / "libruby-3.1.so.3.1").write_text("")
    program.write_text('#!/bin/sh\necho "$RUBYLIB$GOPATH $*" >&2\nexit 1\n')
    program.chmod(0o755)
    with pytest.raises(ClientFailed, match=str(root)):
        send(client, tmp_path, {})
