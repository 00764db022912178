"""Which tests run in one process, and in which order: what is shared starts once, and what takes longest starts first."""

import functools
from pathlib import Path

import pytest
from xdist.scheduler import LoadFileScheduling

ROOT = Path(__file__).resolve().parents[2]
# Whole systems first: at the end of a run, small files keep every process busy.
FOLDERS = ("deploy", "functions", "chaos", "browser", "incidents", "hostile", "database", "unit")


class ByFile(LoadFileScheduling):  # type: ignore[misc]  # xdist comes without types
    """Distributes whole files over the processes; files that share a cloud or a running system stay together."""

    def _split_scope(self, nodeid: str) -> str:
        return name_scope(super()._split_scope(nodeid))


def name_scope(file: str) -> str:
    """Return the name that a test file has in common with those that run in the same process, one after the other."""
    if file.startswith("tests/deploy/"):
        return "tests/deploy"
    if file.startswith("tests/functions/") and _shares_system(file):
        return "tests/functions"
    return file


def sort_items(items: list[pytest.Item]) -> None:
    """Bring tests into the order of their folders, with the order within a folder as it is."""
    items.sort(key=lambda item: _rank(item.nodeid))


def _rank(nodeid: str) -> int:
    folder = nodeid.split("/")[1] if nodeid.count("/") > 1 else ""
    return FOLDERS.index(folder) if folder in FOLDERS else len(FOLDERS)


@functools.cache
def _shares_system(file: str) -> bool:
    """Return whether the tests of a file use the folder's running system, and start none of their own."""
    text = (ROOT / file).read_text()
    return "system: System" in text and "running_system(" not in text
