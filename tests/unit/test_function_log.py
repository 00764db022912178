"""The log of a local function: a full disk costs lines, and neither a process nor an invocation."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from local import processes
from local.lambda_runtime import function_log
from local.lambda_runtime.function_log import FunctionLog

FULL = Path("/dev/full")
# Writes and flushes line by line, as the runtime client does; a write that fails ends it with another code.
_WRITER = "import sys\nfor number in range(3):\n    print(f'line {number}')\n    sys.stdout.flush()"


def run(path: Path) -> int:
    log = FunctionLog(path)
    process = subprocess.Popen([sys.executable, "-c", _WRITER], stdout=log.write_end, stderr=log.write_end)
    log.start()
    code = process.wait(30)
    log.finish(10)
    return code


def test_what_a_process_writes_is_in_its_file(tmp_path: Path) -> None:
    path = tmp_path / "F.log"
    assert (run(path), run(path)) == (0, 0)
    assert path.read_text() == "line 0\nline 1\nline 2\n" * 2


@pytest.mark.skipif(not FULL.exists(), reason="no device stands for a full disk here")
def test_a_full_disk_ends_no_process(tmp_path: Path) -> None:
    path = tmp_path / "F.log"
    path.symlink_to(FULL)
    assert run(path) == 0


@pytest.mark.skipif(not FULL.exists(), reason="no device stands for a full disk here")
def test_lost_lines_are_counted_when_the_disk_is_back(tmp_path: Path) -> None:
    path = tmp_path / "F.log"
    path.symlink_to(FULL)
    log = FunctionLog(path)
    other_end = os.dup(log.write_end)
    log.start()
    os.write(other_end, b"lost\n")
    assert processes.wait_until(lambda: log.lost_bytes == 5, 10)
    path.unlink()
    os.write(other_end, b"kept\n")
    os.close(other_end)
    log.finish(10)
    _blank, note, kept = path.read_text().splitlines()
    assert (json.loads(note)["lost_bytes"], kept) == (5, "kept")


def test_a_long_log_begins_a_new_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(function_log, "MAX_LOG_BYTES", 10)
    path = tmp_path / "F.log"
    assert (run(path), run(path)) == (0, 0)
    assert path.with_suffix(".log.1").is_file()
