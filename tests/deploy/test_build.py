"""The bundle as `sam build` makes it."""

import sys
from pathlib import Path

import pytest

from tests.deploy.conftest import sam_build
from tests.deploy.template import ROOT

# Builds and deployments take their time on a busy machine.
pytestmark = pytest.mark.timeout(600)

# Lambda takes 250 MB of function and layers together, unzipped; a small layer starts fast.
LAYERS_LIMIT_MB = 59


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sam_build(tmp_path_factory.mktemp("build"), "lambda")


def size_mb(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def test_layers_stand_where_lambda_looks_for_them_and_stay_small(built: Path) -> None:
    own, others = built / "CallwatchLayer" / "python", built / "DependenciesLayer" / "python"
    assert (own / "callwatch" / "settings.py").is_file()
    assert (own / "callwatch" / "db" / "migrations" / "0001_core.sql").is_file()
    assert (own / "callwatch" / "db" / "rds-ca.pem").is_file(), "without it no certificate of RDS can be verified"
    for package in ("psycopg2", "pydantic", "aws_lambda_powertools", "requests"):
        assert (others / package / "__init__.py").is_file(), package
    assert not (others / "boto3").exists(), "Lambda's runtime brings it"
    assert size_mb(own) < 5
    assert size_mb(own) + size_mb(others) < LAYERS_LIMIT_MB


def test_compiled_packages_are_those_of_the_functions_platform(built: Path, tmp_path: Path) -> None:
    for folder, machine in ((built, "aarch64"), (sam_build(tmp_path, "lambda", "x86_64"), "x86_64")):
        compiled = [path.name for path in (folder / "DependenciesLayer").rglob("*.so") if "cpython" in path.name]
        assert compiled
        assert all(f"cpython-313-{machine}" in name for name in compiled), compiled


def test_a_layer_is_the_same_wherever_it_is_built(built: Path) -> None:
    here = (str(ROOT).encode(), sys.prefix.encode())
    files = [path for name in ("CallwatchLayer", "DependenciesLayer") for path in (built / name).rglob("*") if path.is_file()]
    assert not [path for path in files if any(place in path.read_bytes() for place in here)]


def test_nothing_lies_between_the_functions_that_would_be_deployed_with_each() -> None:
    # Compiled files go before each deployment (local/deploy.py).
    assert {path.suffix for path in (ROOT / "functions").iterdir() if path.name != "__pycache__"} == {".py"}
