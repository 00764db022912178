"""`make hash` prints the hash that errors of a user have."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from callwatch.ingest.errors import accept_error
from callwatch.settings.load import load_settings
from local.secrets import read_secrets
from local.system import ROOT


def run(data_dir: Path, given: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tools.hash_user"]
    known = {"PATH": os.environ["PATH"], "PYTHONPATH": "shared:.", "DATA_DIR": str(data_dir), **environ}
    return subprocess.run(command, cwd=ROOT, env=known, input=given, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("environ", [{}, {"USER_HASH_KEY": "k" * 40}, {"INGEST_KEYS": "1:" + "a" * 32}])
def test_hash_is_that_of_an_accepted_error(environ: dict[str, str], tmp_path: Path) -> None:
    key = load_settings(environ or read_secrets(tmp_path, {}).variables).user_hash_key
    assert key
    users = ["4711", "Ana Müller"]
    hashes = [accept_error({"message": "boom", "user_id": user}, datetime.now(UTC), key)["user_hash"] for user in users]
    done = run(tmp_path, "4711\nAna Müller\n", **environ)
    assert (done.returncode, done.stdout.split()) == (0, hashes)


def test_missing_key_is_said_in_one_line(tmp_path: Path) -> None:
    done = run(tmp_path, "4711")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "USER_HASH_KEY" in done.stderr
