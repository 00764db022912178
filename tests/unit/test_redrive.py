"""`make redrive` says in one line what is missing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from local.system import ROOT


def run(data_dir: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "local.redrive", *arguments]
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": "shared:.", "DATA_DIR": str(data_dir)}
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)


def test_without_a_running_system_it_says_what_to_start(tmp_path: Path) -> None:
    done = run(tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "make run" in done.stderr


def test_a_queue_that_is_gone_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "queue.port").write_text("1")
    done = run(tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "the queue does not answer" in done.stderr


@pytest.mark.parametrize("limit", ["0", "10001", "many"])
def test_a_limit_that_is_none_is_refused(tmp_path: Path, limit: str) -> None:
    assert run(tmp_path, "--limit", limit).returncode == 2


def test_help_tells_about_deployed_systems(tmp_path: Path) -> None:
    done = run(tmp_path, "--help")
    assert done.returncode == 0
    assert "--function" in done.stdout
