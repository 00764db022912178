"""The results of a benchmark as JSON: where they go, and what they say of where they come from."""

import json
from pathlib import Path

import pytest

from bench._results import build_figure, write_results


def test_results_name_machine_commit_and_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_JSON", str(tmp_path / "made" / "here"))
    path = write_results("size", [build_figure("duration", 1.5, "s", 10.0, rules=100)])
    assert path == tmp_path / "made" / "here" / "size.json"
    found = json.loads(path.read_text())
    assert found["figures"] == [{"name": "duration", "value": 1.5, "unit": "s", "at": {"rules": 100}, "limit": 10.0}]
    assert found["bench"] == "size"
    assert {"command", "commit", "at", "machine"} <= found.keys()
    assert {"processors", "architecture", "python", "busy"} <= found["machine"].keys()


def test_without_a_folder_no_results_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BENCH_JSON", raising=False)
    monkeypatch.chdir(tmp_path)
    assert write_results("size", []) is None
    assert list(tmp_path.iterdir()) == []
