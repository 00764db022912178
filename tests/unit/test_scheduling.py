"""The order of the tests, and who shares a process."""

from pathlib import Path

from tests.support.scheduling import FOLDERS, ROOT, _rank, name_scope


def list_files(folder: str) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in sorted((ROOT / "tests" / folder).glob("test_*.py"))]


def test_every_folder_with_tests_has_its_place() -> None:
    found = {path.parent.name for path in (ROOT / "tests").glob("*/test_*.py")}
    # Their tests are no part of `make test`, or few.
    assert found - {"docker", "fuzz"} == set(FOLDERS)


def test_files_that_share_a_system_share_a_process() -> None:
    scopes = {Path(file).name: name_scope(file) for file in list_files("functions")}
    assert {name for name, scope in scopes.items() if scope == "tests/functions"} >= {"test_contract.py", "test_alert_api.py"}
    assert scopes["test_local_processes.py"] == "tests/functions/test_local_processes.py", "it has a system of its own"
    assert {name_scope(file) for file in list_files("deploy")} == {"tests/deploy"}
    assert name_scope("tests/unit/test_retry.py") == "tests/unit/test_retry.py"


def test_long_folders_come_first() -> None:
    ids = ["tests/unit/test_a.py::x[a/b]", "tests/deploy/test_b.py::x", "tests/other/test_c.py::x", "tests/database/test_d.py::x"]
    assert sorted(ids, key=_rank) == [ids[1], ids[3], ids[0], ids[2]]
