"""A queue that throttles: 429 scoped to the category, so that an SDK keeps sending the rest."""

import base64
import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from callwatch import sqs
from callwatch.exceptions import AwsCallFailed, QueueUnavailable
from callwatch.settings import reset_settings

ROOT = Path(__file__).resolve().parents[2]
KEY = "ab" * 16


def refuse(code: str) -> Any:
    def action(_sqs: Any, _given: Any) -> Any:
        raise AwsCallFailed(code)

    return action


@pytest.mark.parametrize(
    ("code", "is_throttled"),
    [
        ("RequestThrottled", True),
        ("OverLimit", True),
        ("ThrottlingException", True),
        ("AccessDenied", False),
    ],
)
def test_a_throttled_queue_is_told_from_one_that_is_away(code: str, is_throttled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqs, "_make_client", lambda *_given: None)
    with pytest.raises(QueueUnavailable) as caught:
        sqs._call(refuse(code), [], "http://queue", 3)
    assert (caught.value.is_throttled, caught.value.unsent) == (is_throttled, 3)
    assert sqs.explain_unread(caught.value).code == "unavailable"


@pytest.mark.parametrize(("reason", "code"), [("timeout", "timeout"), ("unreachable", "unavailable"), ("tls", "unavailable")])
def test_a_late_queue_is_told_from_one_that_is_away(reason: str, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqs, "_make_client", lambda *_given: None)
    with pytest.raises(QueueUnavailable) as caught:
        sqs._call(refuse(reason), [], "http://queue", 3)
    assert sqs.explain_unread(caught.value).code == code


def test_throttled_sender_gets_429_for_a_second_by_category(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = importlib.util.spec_from_file_location("ingest_envelope", ROOT / "functions" / "ingest_envelope.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, value in (("INGEST_KEYS", f"1:{KEY}"), ("ERROR_QUEUE_URL", "http://queue"), ("USER_HASH_KEY", "k" * 64)):
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sqs, "_make_client", lambda *_given: Throttled())
    reset_settings()
    body = b'{}\n{"type":"event"}\n{"message":"x"}\n{"type":"session"}\n{}\n'
    event: dict[str, Any] = json.loads((ROOT / "events" / "ingest_envelope.json").read_text())
    event |= {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
    event["headers"]["x-sentry-auth"] = f"Sentry sentry_key={KEY}"
    answer = module.lambda_handler(event, None)
    reset_settings()
    assert (answer["statusCode"], json.loads(answer["body"])["error"]["code"]) == (429, "too_many_requests")
    assert (answer["headers"]["retry-after"], answer["headers"]["x-sentry-rate-limits"]) == ("1", "1:error;session:key")


class Throttled:
    """SQS as it responds above its quota."""

    def send_message_batch(self, **_given: Any) -> Any:
        refuse("RequestThrottled")(self, None)
