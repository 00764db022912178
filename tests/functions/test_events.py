"""Each function, invoked through the Lambda runtime with its example event."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.lambda_runtime.workers import Workers
from local.system import System
from tests.unit.test_template import TEMPLATE
from tools.invoke import start_workers

ROOT = Path(__file__).resolve().parents[2]
FUNCTIONS = {
    name: resource["Properties"]["Handler"].partition(".")[0]
    for name, resource in TEMPLATE["Resources"].items()
    # Whatever its event, GuardDatabase calls RDS itself: tests/unit/test_custom_resources.py runs it.
    if resource["Type"] == "AWS::Serverless::Function" and name != "GuardDatabase"
}
# Nothing exists under these ids yet; the key in the envelope is invented.
EXPECTED = {"get_error": 404, "act_on_error": 404, "get_alert": 404, "acknowledge_alert": 404, "delete_silence": 404}
EXPECTED |= {"get_incident": 404, "act_on_incident": 404, "get_postmortem": 404, "ingest_access": 202}
EXPECTED |= {"delete_error": 404, "get_occurrence": 404, "delete_occurrence": 404, "erase_user": 404}
EXPECTED |= {"serve_uploads": 201}
# The public page is off.
EXPECTED |= {"create_subscriber": 409, "delete_subscriber": 404}
EXPECTED |= {"get_publication": 404, "publish_incident": 404, "get_status_page": 404}
EXPECTED |= {"refuse_method": 405, "take_alert": 404, "end_session": 204}
EXPECTED |= {"create_silence": 201, "ingest_errors": 202, "ingest_requests": 202, "ingest_envelope": 401, "ingest_check_in": 401}
EXPECTED |= {"change_rule": 404, "delete_rule": 404, "create_rule": 201}
# The stage of the example exists, and no target for replays is set.
EXPECTED |= {"get_call": 404, "replay_items": 409}
EXPECTED |= {"ingest_external": 202, "ingest_vercel": 403}
# No vendor has a secret.
EXPECTED |= {"receive_action": 404}


@pytest.fixture(scope="module")
def workers(system: System) -> Iterator[Workers]:
    with start_workers(system.data_dir, {}) as found:
        yield found


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_the_example_event_is_answered(name: str, workers: Workers) -> None:
    file = FUNCTIONS[name]
    event: Any = json.loads((ROOT / "events" / f"{file}.json").read_text())
    if EXPECTED.get(file) == 404 and "id" in event.get("pathParameters", {}):
        event["pathParameters"]["id"] = "999999"
    answer = json.loads(workers.invoke(name, json.dumps(event).encode()))
    if "routeKey" in event and file != "authorize":
        assert answer["statusCode"] == EXPECTED.get(file, 200), answer
        assert answer["headers"]["x-request-id"]
    elif file == "authorize":
        assert answer == {"isAuthorized": True, "context": {"role": "none", "actor": "anonymous", "sign_in": "failed"}}
    else:
        assert isinstance(answer, dict)
        assert "errorType" not in answer
