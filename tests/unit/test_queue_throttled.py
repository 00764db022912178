"""A queue that answers and wants fewer calls: 429, scoped to what was sent, so that an SDK goes on with the rest."""

import base64
import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from callwatch import queue
from callwatch.exceptions import QueueUnavailable
from callwatch.settings import reset_settings

ROOT = Path(__file__).resolve().parents[2]
KEY = "ab" * 16


def refuse(code: str) -> Any:
    def action(_sqs: Any, _given: Any) -> Any:
        raise ClientError({"Error": {"Code": code, "Message": "no"}}, "SendMessageBatch")

    return action


@pytest.mark.parametrize(
    ("code", "is_throttled"),
    [
        ("RequestThrottled", True),
        ("AWS.SimpleQueueService.OverLimit", True),
        ("ThrottlingException", True),
        ("AccessDenied", False),
    ],
)
def test_a_throttled_queue_is_told_from_one_that_is_away(code: str, is_throttled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "_client", lambda *_given: None)
    with pytest.raises(QueueUnavailable) as caught:
        queue._call(refuse(code), [], "http://queue", 3)
    assert (caught.value.is_throttled, caught.value.unsent) == (is_throttled, 3)


def test_the_sender_of_an_envelope_is_told_429_for_a_second_and_for_what_it_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = importlib.util.spec_from_file_location("ingest_envelope", ROOT / "functions" / "ingest_envelope.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, value in (("INGEST_KEYS", f"1:{KEY}"), ("ERROR_QUEUE_URL", "http://queue"), ("USER_HASH_KEY", "k" * 64)):
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(queue, "_client", lambda *_given: Throttled())
    reset_settings()
    body = b'{}\n{"type":"event"}\n{"message":"x"}\n{"type":"session"}\n{}\n'
    event: dict[str, Any] = json.loads((ROOT / "events" / "ingest_envelope.json").read_text())
    event |= {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
    event["headers"]["x-sentry-auth"] = f"Sentry sentry_key={KEY}"
    answer = module.lambda_handler(event, None)
    reset_settings()
    assert (answer["statusCode"], json.loads(answer["body"])["error"]["code"]) == (429, "too_many_requests")
    assert (answer["headers"]["retry-after"], answer["headers"]["x-sentry-rate-limits"]) == ("1", "1:error:key")


class Throttled:
    """SQS as it answers above its quota."""

    def send_message_batch(self, **_given: Any) -> Any:
        refuse("RequestThrottled")(self, None)
