"""Each function, invoked through the Lambda runtime with its example event."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.invoke import workers_of
from local.system import System
from local.workers import Workers
from tests.unit.test_template import TEMPLATE

ROOT = Path(__file__).resolve().parents[2]
FUNCTIONS = {
    name: resource["Properties"]["Handler"].partition(".")[0]
    for name, resource in TEMPLATE["Resources"].items()
    if resource["Type"] == "AWS::Serverless::Function"
}
# Nobody has resolved, raised or silenced anything yet under these ids; the key in the envelope is an invented one.
EXPECTED = {"get_error": 404, "act_on_error": 404, "get_alert": 404, "acknowledge_alert": 404, "delete_silence": 404}
EXPECTED |= {"create_silence": 201, "ingest_errors": 202, "ingest_requests": 202, "ingest_envelope": 401}


@pytest.fixture(scope="module")
def workers(system: System) -> Iterator[Workers]:
    with workers_of(system.data_dir, {}) as found:
        yield found


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_the_example_event_is_answered(name: str, workers: Workers) -> None:
    file = FUNCTIONS[name]
    event: Any = json.loads((ROOT / "events" / f"{file}.json").read_text())
    if name in ("GetError", "ActOnError", "GetAlert", "AcknowledgeAlert", "DeleteSilence"):
        event["pathParameters"]["id"] = "999999"
    answer = json.loads(workers.invoke(name, json.dumps(event).encode()))
    if "routeKey" in event and file != "authorize":
        assert answer["statusCode"] == EXPECTED.get(file, 200), answer
        assert answer["headers"]["x-request-id"]
    elif file == "authorize":
        assert answer == {"isAuthorized": True, "context": {"role": "none", "actor": "anonymous"}}
    else:
        assert isinstance(answer, dict)
        assert "errorType" not in answer
