"""The default webhook receiver, and the cycle on demand."""

import json
import os
import signal
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from callwatch.settings.credentials import parse_webhook_secrets
from local.system import running_system
from local.webhook_inbox import FILE, Inbox
from tests.functions.conftest import WEBHOOK_SECRET
from tests.support.scripted_receiver import Receiver, Scripted


@pytest.fixture
def inbox(tmp_path: Path) -> Iterator[Inbox]:
    server = Inbox(tmp_path, parse_webhook_secrets(WEBHOOK_SECRET), lambda _text: None)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_message_survives_a_full_disk_with_a_warning(tmp_path: Path) -> None:
    said: list[str] = []
    inbox = Inbox(tmp_path, parse_webhook_secrets(WEBHOOK_SECRET), said.append)
    inbox.file = tmp_path / "gone" / FILE
    now, body = datetime.now(UTC), '{"type": "alert.firing", "data": {"rule_id": "many"}}'
    signature = Webhook(WEBHOOK_SECRET).sign("msg_1", now, body)
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(int(now.timestamp())), "webhook-signature": signature}
    assert inbox.keep(headers, body.encode())
    assert "takes no more" in said[0]
    assert said[1] == "webhook, signature right: alert.firing many"
    inbox.server_close()


def send(inbox: Inbox, body: str, secret: str) -> int:
    now = datetime.now(UTC)
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign("msg_1", now, body),
    }
    request = urllib.request.Request(inbox.url, body.encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def lines(folder: Path) -> list[dict[str, Any]]:
    file = folder / FILE
    return [json.loads(line) for line in file.read_text().splitlines()] if file.is_file() else []


def test_a_signed_message_is_kept_and_another_is_refused(inbox: Inbox, tmp_path: Path) -> None:
    body = json.dumps({"type": "alert.test", "data": {"rule_id": "memory_usage"}})
    assert send(inbox, body, WEBHOOK_SECRET) == 204
    assert send(inbox, body, "whsec_d3JvbmcgYnV0IGxvbmcgZW5vdWdo") == 401
    kept = lines(tmp_path)
    assert [line["is_signed"] for line in kept] == [True, False]
    assert kept[0]["message"]["data"] == {"rule_id": "memory_usage"}
    assert kept[1]["message"] is None


def test_inbox_is_the_default_target_and_a_signal_cycles() -> None:
    with running_system(cycle_s=600) as system:
        errors = [{"message": f"failed {number}", "severity": "high"} for number in range(60)]
        assert system.call("POST", "/api/errors", system.ingest_key, errors)[0] == 202
        os.kill(system.pid, signal.SIGUSR1)

        def told() -> list[dict[str, Any]]:
            return [
                line["message"]
                for line in lines(system.data_dir)
                if line["is_signed"] and line["message"]["data"]["rule_id"] == "high_error_rate"
            ]

        message = system.wait_until(told, what="the webhook in the inbox")[0]
        assert message["data"]["value"] == 60
        assert system.get("/api/metrics/errors")["summary"]["total_1h"] == 60


def test_a_topic_is_reached_at_the_server_that_stands_in_for_it() -> None:
    with Receiver() as topic:
        topic.default = Scripted(
            200, body=b"<PublishResponse><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>"
        )
        given = {"ALERT_SNS_TOPIC_ARN": "arn:aws:sns:us-east-1:123456789012:alerts", "AWS_ENDPOINT_URL_SNS": topic.url}
        with running_system(cycle_s=60, environ=given) as system:
            status, rule, _headers = system.call("POST", "/api/rules/service_down/test", body={"reason": "does it arrive?"})
    assert status == 200
    assert ("sns", "sent") in [(each["channel"], each["state"]) for each in rule["test_deliveries"]]
    (request,) = topic.received
    assert b"Action=Publish" in request.body
