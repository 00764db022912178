"""CloudFormation finds no fault in what SAM makes of the template; `make lint` asks SAM about the template itself."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.deploy import read_stage_config
from tests.deploy.template import ROOT, source, transformed

# cfn-lint needs 40 s of a processor, which take minutes on a busy machine.
pytestmark = pytest.mark.timeout(600)

ENVIRON = {**os.environ, "AWS_DEFAULT_REGION": "us-east-1", "SAM_CLI_TELEMETRY": "0"}


def run(*command: str) -> None:
    done = subprocess.run([sys.executable, *command], cwd=ROOT, env=ENVIRON, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_sam_makes_of_it_has_no_fault_either(tmp_path: Path) -> None:
    path = tmp_path / "transformed.json"
    path.write_text(json.dumps(transformed()))
    # SAM writes unnecessary Subs, and replaces parameters and a mapping by their values; W1033 as in the template.
    ignored = ("W1020", "W2001", "W1033", "W7001")
    run(str(Path(sys.executable).with_name("cfn-lint")), "--ignore-checks", *ignored, "--", str(path))


def test_each_mapping_is_used() -> None:
    text = (ROOT / "template.yaml").read_text()
    assert [name for name in source()["Mappings"] if f"FindInMap [{name}," not in text] == []


def test_samconfig_stages_name_existing_parameters() -> None:
    for stage in ("default", "staging", "prod"):
        config = read_stage_config(stage)
        assert config.pop("stack_name").startswith("callwatch-")
        assert set(config) <= set(source()["Parameters"])
