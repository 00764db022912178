"""The bundle as `sam build` makes it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.template import ROOT

# Lambda takes 250 MB of function and layers together, unzipped.
LAYERS_LIMIT_MB = 90


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("build")
    command = [sys.executable, "-m", "samcli", "build", "--build-dir", str(folder / "build")]
    command += ["--cache-dir", str(folder / "cache"), "--no-cached"]
    environ = {**os.environ, "AWS_DEFAULT_REGION": "us-east-1", "SAM_CLI_TELEMETRY": "0"}
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "build"


def size_mb(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def test_layers_stand_where_lambda_looks_for_them_and_stay_small(built: Path) -> None:
    own, others = built / "CallwatchLayer" / "python", built / "DependenciesLayer" / "python"
    assert (own / "callwatch" / "settings.py").is_file()
    assert (own / "callwatch" / "db" / "migrations" / "0001_core.sql").is_file()
    for package in ("psycopg2", "pydantic", "aws_lambda_powertools", "requests", "boto3"):
        assert (others / package / "__init__.py").is_file(), package
    assert size_mb(own) < 5
    assert size_mb(own) + size_mb(others) < LAYERS_LIMIT_MB


def test_compiled_packages_are_those_of_the_functions_platform(built: Path) -> None:
    compiled = [path.name for path in (built / "DependenciesLayer").rglob("*.so") if "cpython" in path.name]
    assert compiled
    assert all("cpython-313-aarch64" in name for name in compiled), compiled
