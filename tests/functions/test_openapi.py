"""The OpenAPI document against the running system: what it promises is what comes back, whatever is sent."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from local.system import System

ROOT = Path(__file__).resolve().parents[2]
# A schema cannot say that a cursor is one of ours, or that a time lies in the future: those are 422.
# API Gateway answers 404, and not 405, to a method that has no route.
CONFIG = """
seed = 20260131
[generation]
database = "none"
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "401", "403", "404", "409", "422", "429", "503"]
[checks.unsupported_method]
enabled = false
[phases.coverage]
unexpected-methods = []
"""


@pytest.mark.timeout(240)
def test_nothing_that_is_sent_is_answered_against_the_document(system: System, tmp_path: Path) -> None:
    (tmp_path / "schemathesis.toml").write_text(CONFIG)
    command = [
        str(Path(sys.executable).parent / "schemathesis"), "--config-file", str(tmp_path / "schemathesis.toml"),
        "run", f"{system.url}/api/openapi.json", "-H", f"Authorization: Bearer {system.admin_token}",
        "--phases", "examples,coverage,fuzzing", "--max-examples", "5", "--continue-on-failure", "--no-color",
        # Sending at most so many a second keeps below the throttle of the routes.
        "--rate-limit", "45/s", "--warnings", "off",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=220, check=False)
    assert done.returncode == 0, re.sub(r"[0-9a-f]{40,}", "...", done.stdout)[-6000:]


def test_the_document_names_each_route_of_the_template_that_speaks_json(system: System) -> None:
    document = system.get("/api/openapi.json", token=None)
    template = (ROOT / "template.yaml").read_text()
    routes = set(re.findall(r"Path: (/api/\S+)", template)) - {"/api/{project}/{proxy+}"}
    assert set(document["paths"]) == routes
