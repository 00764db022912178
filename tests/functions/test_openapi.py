"""The OpenAPI document against the running system: responses keep its promises for any request."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from callwatch.api.routes import ROUTES
from local.system import System
from tests.functions.test_contract import read_token

ROOT = Path(__file__).resolve().parents[2]
# A schema cannot express that a cursor is valid or that a time is in the future: those are 422.
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
# By role: phases and examples for each operation. Who is refused at the door gets few: the door is what answers.
PLANS = {"none": ("fuzzing", 3), "ingest": ("fuzzing", 3), "viewer": ("fuzzing", 3), "admin": ("examples,coverage,fuzzing", 5)}
# Requests a second, which stays below the limit of a caller and below the throttle of the routes.
RATE = 45


@pytest.mark.timeout(500)
@pytest.mark.parametrize("role", PLANS)
def test_every_answer_keeps_to_the_document(role: str, system: System, tmp_path: Path) -> None:
    phases, max_examples = PLANS[role]
    (tmp_path / "schemathesis.toml").write_text(CONFIG)
    token = read_token(system, role)
    command = [
        str(Path(sys.executable).parent / "schemathesis"), "--config-file", str(tmp_path / "schemathesis.toml"),
        "run", f"{system.url}/api/openapi.json", *(["-H", f"Authorization: Bearer {token}"] if token else []),
        "--phases", phases, "--max-examples", str(max_examples), "--continue-on-failure", "--no-color",
        "--rate-limit", f"{RATE}/s", "--warnings", "off",
    ]  # fmt: skip
    environ = {
        **os.environ,
        "PYTHONPATH": f"{ROOT / 'shared'}:{ROOT}",
        "SCHEMATHESIS_HOOKS": "tests.functions.contract_checks",
        "CONTRACT_ROLE": role,
        "CONTRACT_TOKEN": token or "",
    }
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=440, check=False)
    assert done.returncode == 0, re.sub(r"[0-9a-f]{40,}", "...", done.stdout + done.stderr)[-6000:]
    # What a caller without a token has used up comes back before the next test asks as one.
    system.wait_until(lambda: system.call("GET", "/api/status", None)[0] == 401, 40, "the limit of callers without a token")


def test_document_names_each_json_route_of_the_template(system: System) -> None:
    document = system.get("/api/openapi.json", token=None)
    template = (ROOT / "template.yaml").read_text()
    # Protocols of others have documents of their own, and one route takes every preflight.
    foreign = {path for route in ROUTES.values() if not route.is_documented for path in (route.path, *route.also)}
    routes = set(re.findall(r"Path: (/api/\S+)", template)) - {path.rpartition(" ")[2] for path in foreign} - {"/api/{proxy+}"}
    assert set(document["paths"]) == routes
