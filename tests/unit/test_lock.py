"""All installed packages are pinned with hashes, and the pins agree."""

import re

import pytest

from tools.licenses import is_admitted, list_layer_packages, list_page_packages
from tools.lock import LOCKS, ROOT, is_current, read_pins


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_was_written_from_the_sources_of_today(name: str) -> None:
    assert is_current(name), "run `make lock`"


@pytest.mark.parametrize("name", LOCKS)
def test_every_package_of_a_lock_has_hashes(name: str) -> None:
    blocks = re.split(r"\n(?=\S)", (ROOT / f"{name}.txt").read_text())
    packages = [block for block in blocks if not block.startswith("#")]
    assert packages
    assert not [block.splitlines()[0] for block in packages if "--hash=sha256:" not in block]


@pytest.mark.parametrize("name", ["requirements-run", "requirements-runtime", "layers/dependencies/requirements"])
def test_what_is_deployed_is_what_was_tested(name: str) -> None:
    tested = read_pins("requirements-dev")
    assert {package: tested.get(package) for package in read_pins(name)} == read_pins(name)


def test_the_layers_pins_hold_for_every_interpreter() -> None:
    # The building interpreter would evaluate a marker, not the one that the layer is for. Whether it is PyPy is alike for both.
    text = (ROOT / "layers/dependencies/requirements.txt").read_text()
    assert ";" not in text.replace("; implementation_name != 'PyPy'", "")


def test_license_of_everything_shipped_is_allowed() -> None:
    rows = [*list_layer_packages(), *list_page_packages()]
    assert len(rows) > 10
    assert not [row for row in rows if not is_admitted(row[2])]
