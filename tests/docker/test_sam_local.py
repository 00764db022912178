"""Every function in the container that SAM creates for it, and the API that SAM serves from them."""

import contextlib
import json
import signal
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from local.processes import find_free_port
from tests.deploy.template import ROOT
from tests.docker.conftest import SamLocal, sam_environ, wait_for
from tests.functions.test_events import FUNCTIONS

# Each function's image is rebuilt if its layers changed.
pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]

_ENVIRONMENT = json.loads((ROOT / "events" / "env" / "docker.json").read_text())["Parameters"]


@pytest.fixture(scope="module")
def migrated(sam_local: SamLocal) -> SamLocal:
    assert "0001_core" in str(sam_local.invoke("Migrate", "migrate.json")["ran"])
    return sam_local


@pytest.fixture(scope="module")
def api(migrated: SamLocal) -> Iterator[str]:
    """Yield the address of `sam local start-api`."""
    port = find_free_port(21_000)
    command = migrated.command("start-api", "--port", str(port))
    process = subprocess.Popen(command, cwd=ROOT, env=sam_environ(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(f"http://127.0.0.1:{port}/", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(30)
        process.kill()


def token(variable: str) -> dict[str, str]:
    return {"authorization": f"Bearer {_ENVIRONMENT[variable].rpartition(':')[2]}"}


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_sam_local_invoke_answers_the_example_event(name: str, migrated: SamLocal) -> None:
    answer: dict[str, Any] = migrated.invoke(name, f"{FUNCTIONS[name]}.json")
    assert "errorType" not in answer, answer
    if "statusCode" in answer:
        assert answer["statusCode"] < 500, answer
        body, kind = answer.get("body", ""), answer["headers"].get("content-type", "")
        assert json.loads(body) if "json" in kind else bool(body) == bool(kind), answer


def test_error_sent_to_sam_local_is_counted_after_a_cycle(api: str, migrated: SamLocal) -> None:
    def counted() -> int:
        answer = requests.get(f"{api}/api/metrics/errors", headers=token("VIEWER_SECRET"), timeout=60)
        assert answer.status_code == 200, answer.text
        return int(answer.json()["summary"]["total_1h"])

    migrated.invoke("RunMonitor", "run_monitor.json")
    before = counted()
    error = {"message": "call of 555-123-4567 was not stored", "type": "OperationalError", "severity": "high"}
    taken = requests.post(f"{api}/api/errors", json=error, headers=token("INGEST_KEYS"), timeout=60)
    assert taken.status_code == 202, taken.text
    report: Any = migrated.invoke("RunMonitor", "run_monitor.json")
    assert report["steps"]["flush"]["errors"] == 1
    assert counted() == before + 1


def test_sam_local_start_api_asks_the_authorizer(api: str) -> None:
    assert requests.get(f"{api}/api/health", timeout=60).status_code == 200
    nobody = requests.get(f"{api}/api/status", timeout=60)
    assert nobody.status_code == 401
    assert nobody.json()["error"]["code"] == "unauthorized"
    assert requests.get(f"{api}/api/status", headers=token("VIEWER_SECRET"), timeout=60).status_code == 200
