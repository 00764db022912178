"""The bundle that `sam build` creates."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.conftest import sam_build
from tests.deploy.template import ROOT

# Builds and deployments are slow on a busy machine.
pytestmark = pytest.mark.timeout(600)

# Lambda's limit is 250 MB of function and layers together, unzipped; a small layer starts fast.
LAYERS_LIMIT_MB = 75


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sam_build(tmp_path_factory.mktemp("build"), "lambda")


def size_mb(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def test_layers_stand_where_lambda_looks_for_them_and_stay_small(built: Path) -> None:
    own, others = built / "CallwatchLayer" / "python", built / "DependenciesLayer" / "python"
    assert (own / "callwatch" / "settings" / "load.py").is_file()
    assert (own / "callwatch" / "db" / "migrations" / "0001_core.sql").is_file()
    assert (own / "callwatch" / "db" / "core" / "rds-ca.pem").is_file(), "without it no certificate of RDS can be verified"
    for package in ("psycopg2", "pydantic", "aws_lambda_powertools", "requests"):
        assert (others / package / "__init__.py").is_file(), package
    assert not (others / "boto3").exists(), "Lambda's runtime brings it"
    # With bytecode and the runbooks; today 8.1.
    assert size_mb(own) < 10
    assert size_mb(own) + size_mb(others) < LAYERS_LIMIT_MB


def test_page_is_built_with_the_bundle(built: Path) -> None:
    page = built / "PageLayer" / "python" / "callwatch_page"
    text = (page / "index.html").read_text()
    (script,) = page.glob("assets/app-*.js")
    assert script.name in text
    assert (page / "assets" / "runbooks" / "README.md").is_file()


def test_compiled_packages_are_those_of_the_functions_platform(built: Path, tmp_path: Path) -> None:
    for folder, machine in ((built, "aarch64"), (sam_build(tmp_path, "lambda", "x86_64", "DependenciesLayer"), "x86_64")):
        compiled = [path.name for path in (folder / "DependenciesLayer").rglob("*.so") if "cpython" in path.name]
        assert compiled
        assert all(f"cpython-313-{machine}" in name for name in compiled), compiled


def find_runtime_python() -> str | None:
    """Return an interpreter of the runtime's version, if this machine has one."""
    script = str(ROOT / "layers" / "compile.sh")
    done = subprocess.run(["sh", script, "--find", sys.executable, "3.13"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or None


def test_layers_hold_bytecode_that_the_runtime_takes(built: Path) -> None:
    python = find_runtime_python()
    for layer in (built / "CallwatchLayer" / "python", built / "DependenciesLayer" / "python"):
        sources, compiled = list(layer.rglob("*.py")), list(layer.rglob("__pycache__/*.cpython-313.pyc"))
        assert len(compiled) == (len(sources) if python else 0)
        # PEP 552: the flags 01 mean a hash that nobody compares, so no file's time is in it.
        assert {path.read_bytes()[4:8] for path in compiled} <= {b"\x01\0\0\0"}


def test_own_layer_names_its_build(built: Path) -> None:
    build_id = (built / "CallwatchLayer" / "python" / "callwatch" / "build_id").read_text()
    assert re.fullmatch("[0-9a-f]{12}\n", build_id)


def test_second_build_changes_no_byte(built: Path, tmp_path: Path) -> None:
    again = sam_build(tmp_path, "lambda")
    for layer in ("CallwatchLayer", "DependenciesLayer"):
        first, second = (
            {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()}
            for root in (built / layer, again / layer)
        )
        assert first == second


def test_a_layer_is_the_same_wherever_it_is_built(built: Path) -> None:
    here = (str(ROOT).encode(), sys.prefix.encode())
    files = [
        path
        for name in ("CallwatchLayer", "DependenciesLayer", "PageLayer")
        for path in (built / name).rglob("*")
        if path.is_file()
    ]
    assert not [path for path in files if any(place in path.read_bytes() for place in here)]


def test_bundle_of_functions_holds_nothing_else() -> None:
    # Compiled files are removed before each deployment (deploy/deploy.py).
    assert {path.suffix for path in (ROOT / "functions").iterdir() if path.name != "__pycache__"} == {".py"}
