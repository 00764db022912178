"""What failed is run again alone, and only that; nothing else turns a red run green."""

import json
from pathlib import Path

import pytest

from tools.retest import retest


@pytest.fixture
def ran() -> list[str]:
    """The tests that were run again."""
    return []


def judge(folder: Path, ran: list[str], failed: list[str] | None, status: int, *flaky: str) -> int:
    for name, content in (("cache/lastfailed", failed and dict.fromkeys(failed, True)), ("callwatch/status", status)):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if content is not None:
            (folder / name).write_text(json.dumps(content))

    def passes(test: str) -> bool:
        ran.append(test)
        return test in flaky

    return retest(folder, passes)


def test_what_passes_alone_is_named_as_flaky(tmp_path: Path, ran: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert judge(tmp_path, ran, ["a.py::x", "b.py::y[1-2]", "c.py::z"], 1, "a.py::x", "b.py::y[1-2]", "c.py::z") == 0
    assert ran == ["a.py::x", "b.py::y[1-2]", "c.py::z"]
    assert "FLAKY: failed next to others, passed alone: a.py::x, b.py::y[1-2], c.py::z\n" in capsys.readouterr().out


def test_what_fails_again_stays_red(tmp_path: Path, ran: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert judge(tmp_path, ran, ["a.py::x", "b.py::y"], 1, "a.py::x") == 1
    printed = capsys.readouterr().out
    assert "FLAKY: failed next to others, passed alone: a.py::x\n" in printed
    assert "FAILED, and failed again alone: b.py::y\n" in printed


@pytest.mark.parametrize(
    ("failed", "status"),
    [
        (["a.py::1", "a.py::2", "a.py::3", "a.py::4"], 1),
        (["a.py"], 1),
        (["a.py::x"], 2),
        (["a.py::x"], 3),
        (["a.py::x"], 0),
        ([], 1),
        (None, 1),
        (None, 4),
    ],
)
def test_any_other_red_run_stays_red(failed: list[str] | None, status: int, tmp_path: Path, ran: list[str]) -> None:
    assert judge(tmp_path, ran, failed, status, "a.py::x", "a.py") == 1
    assert not ran


def test_without_any_record_it_stays_red(tmp_path: Path) -> None:
    assert retest(tmp_path, lambda _test: True) == 1
